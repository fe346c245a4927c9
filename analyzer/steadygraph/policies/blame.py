"""Which part of torch.compile is at fault where a result is wrong, or an error raised, although guards are kept.

The call is compiled once more, by itself, after the calls before it in eager mode: what is right then was compiled for
another call, and a guard is missing.  What is wrong even so is computed by Dynamo's graph (the back end ``eager``), by
the functional graph that AOTAutograd makes of it (``aot_eager``), or by inductor's kernels, and is shown by the first
of them that is wrong.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from steadygraph import torch_private
from steadygraph.model import PROFILE, CompilerFault, Outcome, Policy, Result
from steadygraph.observe.run.session import CompileSession
from steadygraph.policies.backends import AOT_EAGER, INDUCTOR, Compile, compilers
from steadygraph.policies.bench import Bench
from steadygraph.policies.piecewise import Piecewise
from steadygraph.policies.recompile import answered_again
from steadygraph.policies.runs import EAGER, CallResult, outcome, run_calls

_PARTS = {EAGER: "Dynamo", AOT_EAGER: "AOTAutograd", INDUCTOR: "inductor"}
_PIECES = "pieces"
_BAD = (Result.SILENT_WRONG, Result.RAISES)


@dataclass(frozen=True, slots=True)
class Blamed:
    """A part of torch.compile, and a program that shows its fault, if one can be written."""

    fault: CompilerFault
    program: str | None


def suspects(outcomes: Collection[Outcome], call: str) -> tuple[str, ...]:
    """The back ends that show something wrong about a call that no guard can have to do with."""
    found = [one for one in outcomes if one.result in _BAD and _is_compiled_for(one, call)]
    return tuple(dict.fromkeys(one.shown_by or one.backend for one in found if not _has_other_reason(one)))


def _has_other_reason(outcome: Outcome) -> bool:
    """Is it an earlier call, the model in eager mode, or a line that asks whether it is being compiled?"""
    return outcome.since is not None or outcome.as_eager or bool(outcome.compiled_branch)


def _is_compiled_for(outcome: Outcome, call: str) -> bool:
    return outcome.policy is Policy.RECOMPILE or (outcome.policy is Policy.DROP and call == PROFILE)


def blame(bench: Bench, call: str, shown_by: Collection[str]) -> Blamed | None:
    """The part at fault; None where the call is right when it is compiled by itself.

    Args:
        bench: What the recording left behind.
        call: The profile call or a scenario.
        shown_by: The back ends that are wrong about it.
    """
    stages = [EAGER, AOT_EAGER, *([INDUCTOR] if INDUCTOR in shown_by else [])]
    pieces = Piecewise()
    with _compiled_alone(bench, call, stages, pieces) as run:
        stage = next((stage for stage in stages if _is_wrong(bench, call, stage, run(stage)[call])), None)
        if stage is None:
            return None
        if stage != EAGER:
            pieces.compile_piece = _compiler(bench, stage)
            run(_PIECES)
    return Blamed(
        CompilerFault(_PARTS[stage], stage, pieces.name, pieces.location),
        None if stage == EAGER else pieces.program(stage),
    )


def _compiler(bench: Bench, stage: str) -> Compile:
    # Two names: of the eager one alone it would leave out what it thinks is the same.
    return compilers(bench.case, (EAGER, stage))[stage]


def _is_wrong(bench: Bench, call: str, stage: str, got: CallResult) -> bool:
    # How a back end rounds shows in the profile call, if that is not the one in question.
    profile = got if call == PROFILE or stage == EAGER else answered_again(bench, stage)[PROFILE]
    noise = bench.noise(stage, profile)
    judged = outcome(Policy.RECOMPILE, stage, bench.eager[call], got, noise=noise)
    return judged.result in _BAD and not judged.as_eager


@contextlib.contextmanager
def _calling(session: CompileSession, stage: str) -> Iterator[None]:
    """A block for one call: compiled by itself, or, once that was done, run by another back end."""
    kept = session.kept_entries()
    kept.start(PROFILE)
    with session.guards_kept() if stage == EAGER else session.guards_asked(kept, backend=stage), session.calling():
        yield


Run = Callable[[str], Mapping[str, CallResult]]


@contextlib.contextmanager
def _compiled_alone(bench: Bench, call: str, stages: Collection[str], pieces: Piecewise) -> Iterator[Run]:
    """A block with what runs all calls, this one compiled by itself and the others in eager mode, by a back end."""
    backends: dict[str, Any] = compilers(bench.case, (EAGER, *stages))
    backends[_PIECES] = pieces.take
    session = CompileSession(bench.regions, options=bench.session.options, backends=backends, model=bench.model)

    def run(stage: str) -> Mapping[str, CallResult]:
        bench.state.restore()
        watch = bench.comparer(rounds=stage != EAGER)

        def around(name: str) -> AbstractContextManager[Any]:
            if name != call:
                return torch_private.compiles_forced_eager()
            return _calling(session, stage)

        return run_calls(bench.case, bench.model, mark=True, watching=around, watch=watch)

    try:
        yield run
    finally:
        session.close()
