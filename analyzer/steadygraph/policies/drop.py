"""Policy ``drop``: compiled once, every guard dropped.  The graphs of the profile call answer every call."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

from steadygraph.model import PROFILE, CompiledBy, Outcome, Policy
from steadygraph.policies import compiled_branch, inheritance
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import EAGER, CallResult, is_bad, noise_of, outcome


class Drop:
    """All calls run on what the profile call compiled; nothing is traced a second time.

    What the model's own code compiles keeps its guards, and compiles again where it did in the recording.
    """

    policy = Policy.DROP

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        under = functools.partial(bench.session.guards_dropped, backend=backend)
        rounds = backend != EAGER
        dropped = bench.run(under(), rounds=rounds, shared=() if rounds else bench.as_dropped)
        own = bench.recompiles(CompiledBy.USER)
        noise = noise_of(backend, bench.eager[PROFILE], dropped[PROFILE])

        def judged(name: str, result: CallResult) -> Outcome:
            return outcome(self.policy, backend, bench.eager[name], result, noise=noise, recompiles=own[name] or None)

        def is_right_alone(name: str) -> bool:
            return not is_bad(judged(name, bench.run_after_eager(name, under, rounds=rounds)))

        outcomes = {name: judged(name, result) for name, result in dropped.items()}
        told = inheritance.told(outcomes, dropped, is_right_alone)
        return compiled_branch.explained(bench, told, dropped)
