"""Policy ``drop``: compiled once, every guard dropped.  The graphs of the profile call answer every call."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from steadygraph.case import Case
from steadygraph.model import Outcome, Policy
from steadygraph.observe.session import CompileSession
from steadygraph.policies.runs import CallResult, outcome, run_calls


def outcomes(
    case: Case, model: nn.Module, session: CompileSession, eager: Mapping[str, CallResult], backend: str
) -> dict[str, Outcome]:
    """Run all calls on what the profile call compiled; nothing is traced a second time."""
    with session.guards_dropped(backend=backend):
        dropped = run_calls(case, model)
    return {name: outcome(Policy.DROP, backend, eager[name], result) for name, result in dropped.items()}
