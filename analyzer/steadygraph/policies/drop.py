"""Policy ``drop``: compiled once, every guard dropped.  The graphs of the profile call answer every call."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from steadygraph.case.case import Case
from steadygraph.model import PROFILE, Outcome, Policy
from steadygraph.observe.run.session import CompileSession
from steadygraph.policies import proof
from steadygraph.policies.rounding import Noise
from steadygraph.policies.runs import CallResult, outcome, run_calls


def outcomes(
    case: Case, model: nn.Module, session: CompileSession, eager: Mapping[str, CallResult], backend: str
) -> dict[str, Outcome]:
    """Run all calls on what the profile call compiled; nothing is traced a second time."""
    with session.guards_dropped(backend=backend):
        dropped = run_calls(case, model)
    # The eager back end calls the very kernels of eager mode: its results are held to the usual tolerance.
    noise = None if backend == "eager" else _noise(eager[PROFILE], dropped[PROFILE])
    return {name: outcome(Policy.DROP, backend, eager[name], result, noise=noise) for name, result in dropped.items()}


def _noise(eager: CallResult, dropped: CallResult) -> Noise | None:
    return proof.noise(eager.output, dropped.output) if eager.output and dropped.output else None
