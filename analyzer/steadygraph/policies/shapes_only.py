"""Policy ``shapes-only``: guards on symbolic shapes are kept, and a violated one raises (vLLM's evaluate_guards)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steadygraph.model import Outcome, Policy
from steadygraph.observe.guards.relations import violated_shapes
from steadygraph.policies import frozen
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import GuardRefusedError
from steadygraph.torch_private.entries import CompiledFrame


class ShapesOnly:
    """All calls run on what the profile call compiled; those whose shapes it does not admit are refused."""

    policy = Policy.SHAPES_ONLY

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        return frozen.outcomes(bench, self.policy, backend, admit=_refuse_other_shapes)


def _refuse_other_shapes(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> None:
    violated = violated_shapes(entry, f_locals)
    if violated:
        raise GuardRefusedError(f"shape guard violated: {violated[0]}")
