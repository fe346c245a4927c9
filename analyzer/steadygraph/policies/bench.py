"""A model whose calls were recorded, on the bench: the live objects that a proof under another policy starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import nn

from steadygraph.case.case import Case
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.state.state import ModelState
from steadygraph.policies.runs import CallResult, run_calls


@dataclass(frozen=True, eq=False)
class Bench:
    """What the recording left behind.

    Args:
        case: Gives the calls.
        model: In whatever state; ``state`` brings it back to the one in which each pass starts.
        state: That of the model before its first call.
        regions: (name, module) pairs of what is compiled.
        session: Holds what was compiled in the profile call.
        eager: What each call gives in eager mode: the truth.
        kept: What it gives where guards are kept.
    """

    case: Case
    model: nn.Module
    state: ModelState
    regions: Sequence[tuple[str, nn.Module]]
    session: CompileSession
    eager: Mapping[str, CallResult]
    kept: Mapping[str, CallResult]

    def run(
        self, under: AbstractContextManager[None], on_start: Callable[[str], None] | None = None
    ) -> dict[str, CallResult]:
        """Run all calls once more, from the state in which the recording began, in a block that brings the policy."""
        self.state.restore()
        with under:
            return run_calls(self.case, self.model, on_start=on_start)
