"""Policy ``drop``: compiled once, every guard dropped.  The graphs of the profile call answer every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steadygraph.model import PROFILE, Outcome, Policy
from steadygraph.policies import proof
from steadygraph.policies.bench import Bench
from steadygraph.policies.rounding import Noise
from steadygraph.policies.runs import EAGER, CallResult, outcome


class Drop:
    """All calls run on what the profile call compiled; nothing is traced a second time."""

    policy = Policy.DROP

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        dropped = bench.run(
            bench.session.guards_dropped(backend=backend),
            rounds=backend != EAGER,
            shared=bench.as_dropped if backend == EAGER else (),
        )
        # The eager back end calls the very kernels of eager mode: its results are held to the usual tolerance.
        noise = None if backend == EAGER else _noise(bench.eager[PROFILE], dropped[PROFILE])
        return {
            name: outcome(self.policy, backend, bench.eager[name], result, noise=noise)
            for name, result in dropped.items()
        }


def _noise(eager: CallResult, dropped: CallResult) -> Noise | None:
    return proof.noise(eager.output, dropped.output) if eager.output and dropped.output else None
