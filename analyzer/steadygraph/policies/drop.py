"""Policy ``drop``: compiled once, every guard dropped.  The graphs of the profile call answer every call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steadygraph.model import Outcome, Policy
from steadygraph.policies import frozen
from steadygraph.policies.bench import Bench


class Drop:
    """All calls run on what the profile call compiled; nothing is traced a second time."""

    policy = Policy.DROP

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        return frozen.outcomes(bench, self.policy, backend)
