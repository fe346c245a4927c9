"""What every policy is asked: how it is proved, and what each call does under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from steadygraph.model import Outcome, Policy
from steadygraph.policies.bench import Bench


class Deployment(Protocol):
    """One policy, as it is proved."""

    @property
    def policy(self) -> Policy:
        """Which one."""

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        """What proves it, of the back ends that are asked for; each of them gives outcomes of its own."""

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        """What each call does, as ``backend`` shows it."""
