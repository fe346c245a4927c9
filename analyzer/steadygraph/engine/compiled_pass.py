"""Every call compiled, guards kept; what torch.compile refuses in the profile call is waived, and told."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from torch import nn

from steadygraph import torch_private
from steadygraph.case.case import Case
from steadygraph.engine.subject import Subject
from steadygraph.model import PROFILE, Policy, Refusal, Waived
from steadygraph.observe.run.guard_work import GuardWork
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.run.watching import WatchedRegion
from steadygraph.policies import backends, recompile
from steadygraph.policies.runs import CallResult

#: Keywords of torch.compile that Dynamo acts on; mode and options are for inductor.
_OPTIONS = ("dynamic", "fullgraph", "recompile_limit")


@dataclass(frozen=True, eq=False)
class CompiledPass:
    """What the calls gave, and what was compiled.

    Args:
        case: Without what was waived.
        session: Holds what was compiled.
        results: Of each call; that of the profile call may be a failure.
        refusals: What torch.compile refused in the profile call, in the order in which it came up.
    """

    case: Case
    session: CompileSession
    results: Mapping[str, CallResult]
    refusals: tuple[Refusal, ...] = ()

    @property
    def regions(self) -> Iterator[WatchedRegion]:
        """What was compiled: the case's regions, and what the model compiles itself."""
        yield from self.session.regions
        yield from self.session.entry_points


@contextlib.contextmanager
def compiled(
    subject: Subject, regions: Sequence[tuple[str, nn.Module]], truth: Mapping[str, CallResult]
) -> Iterator[CompiledPass]:
    """A block with the pass; nothing of an attempt that was refused is left in it.

    Args:
        subject: What is analysed.
        regions: (name, module) pairs of what is compiled.
        truth: What each call is held against.
    """
    case = subject.case
    refusals: tuple[Refusal, ...] = ()
    with contextlib.ExitStack() as leniences:
        while True:
            with _attempt(subject, case, regions, truth) as (session, results):
                refusal = _refusal(results[PROFILE], case, refusals)
                refusals = refusals if refusal is None else (*refusals, refusal)
                if refusal is None or refusal.waived is None:
                    # What was waived is of no use if the call still raises.
                    told = refusals if not results[PROFILE].raised else tuple(map(_not_waived, refusals))
                    yield CompiledPass(case, session, results, told)
                    return
            case = _without(case, refusal.waived, leniences)


def _refusal(profile: CallResult, case: Case, before: Sequence[Refusal]) -> Refusal | None:
    """Why the profile call was refused, with what can be waived: each thing once."""
    refusal = profile.refusal
    if refusal is None:
        return None
    waived = Waived.MARKS if refusal.marks else Waived.FULLGRAPH
    possible = waived is Waived.MARKS or bool(case.compile.get("fullgraph"))
    if not possible or any(one.waived is waived for one in before):
        return refusal
    return dataclasses.replace(refusal, waived=waived)


def _not_waived(refusal: Refusal) -> Refusal:
    return dataclasses.replace(refusal, waived=None)


def _without(case: Case, waived: Waived, leniences: contextlib.ExitStack) -> Case:
    if waived is Waived.FULLGRAPH:
        return dataclasses.replace(case, compile={**case.compile, "fullgraph": False})
    leniences.enter_context(torch_private.violations_ignored())
    return case


@contextlib.contextmanager
def _attempt(
    subject: Subject, case: Case, regions: Sequence[tuple[str, nn.Module]], truth: Mapping[str, CallResult]
) -> Iterator[tuple[CompileSession, Mapping[str, CallResult]]]:
    """One run of all calls; Dynamo knows nothing of the sizes that an earlier one has seen."""
    with torch_private.code_unseen(), _session(subject, case, regions) as session:
        yield session, recompile.run(case, subject.model, session, truth)


def _session(
    subject: Subject, case: Case, regions: Sequence[tuple[str, nn.Module]]
) -> AbstractContextManager[CompileSession]:
    options = {key: value for key, value in case.compile.items() if key in _OPTIONS}
    compilers = backends.compilers(case, subject.backends) if subject.simulation is None else {}
    budget = Policy.BUDGET in subject.policies
    if budget:
        torch_private.require("guard_workshop")
    subject.state.restore()
    session = CompileSession(
        regions,
        options=options,
        backends=compilers,
        at_serving=Policy.RECOMPILE in subject.policies,
        model=subject.model,
        simulated=subject.simulation is not None,
        guards=GuardWork(apart=budget),
    )
    return contextlib.closing(session)
