"""Policy ``shapes-only``: guards on symbolic shapes are kept, and a violated one raises (vLLM's evaluate_guards)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import nn

from steadygraph.case.case import Case
from steadygraph.model import Outcome, Policy
from steadygraph.observe.guards.relations import violated_shapes
from steadygraph.observe.run.frame_tap import CompiledFrame
from steadygraph.observe.run.session import CompileSession
from steadygraph.policies.runs import CallResult, GuardRefusedError, outcome, run_calls


def outcomes(
    case: Case, model: nn.Module, session: CompileSession, eager: Mapping[str, CallResult]
) -> dict[str, Outcome]:
    """Run all calls on what the profile call compiled, refusing those whose shapes it does not admit."""
    with session.guards_dropped(admit=_refuse_other_shapes):
        results = run_calls(case, model)
    return {name: outcome(Policy.SHAPES_ONLY, "eager", eager[name], result) for name, result in results.items()}


def _refuse_other_shapes(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> None:
    violated = violated_shapes(entry, f_locals)
    if violated:
        raise GuardRefusedError(f"shape guard violated: {violated[0]}")
