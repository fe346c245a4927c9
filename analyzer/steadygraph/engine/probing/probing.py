"""One case, probed: its profile call is recorded, changed calls are tried, and those that go wrong are proved."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from steadygraph import torch_private
from steadygraph.case import phase
from steadygraph.case.case import Case
from steadygraph.case.user_code import readable_path
from steadygraph.compare.prediction import predicted
from steadygraph.config import Probing, Settings
from steadygraph.engine.engine import observed_and_judged
from steadygraph.engine.probing import case_text, declared, derivation
from steadygraph.engine.probing.changed_case import changed_case
from steadygraph.engine.probing.derivation import AGAIN
from steadygraph.engine.probing.facts import defaults, facts, omitted, parameters
from steadygraph.engine.probing.guarded import Guarded, read_names
from steadygraph.engine.probing.journal import Journal, file_of
from steadygraph.engine.probing.places import Derived, of_call
from steadygraph.engine.probing.settings import settings as of_settings
from steadygraph.engine.probing.trials import Trials, Tried
from steadygraph.engine.prove import prove, unproved
from steadygraph.engine.record import recorded
from steadygraph.engine.subject import Subject, code_of, prepared
from steadygraph.errors import SteadygraphError, UsageError, files
from steadygraph.model import (
    PROFILE,
    Ambient,
    CaseReport,
    Change,
    Consequence,
    ContainerNode,
    Outcome,
    Policy,
    Probe,
    Probed,
    RecordedCall,
    Recording,
    Result,
    Sensitivity,
    ViolatedGuard,
)
from steadygraph.model.run import counted
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import EAGER, inputs, is_bad
from steadygraph.report.portable import withheld

#: Those that are judged where none is asked for: to know both, a call is run once.
_POLICIES = (Policy.RECOMPILE, Policy.DROP)


def probed(case: Case, settings: Settings) -> tuple[CaseReport, Recording]:
    """The report of a case that is probed, and the recording that it was judged by."""
    return observed_and_judged(record, case, settings)


def record(case: Case, settings: Settings) -> Recording:
    """The profile call, and the changed calls that go wrong, with all that became of the others."""
    torch_private.require()
    probing = settings.probing or Probing()
    settings = settings if settings.policies else dataclasses.replace(settings, policies=_POLICIES)
    bare = dataclasses.replace(case, serving=_nothing)
    with prepared(bare, settings) as subject:
        again = dataclasses.replace(subject, case=changed_case(subject.case, {AGAIN.probe.name: AGAIN}, subject.model))
        with recorded(again, again.arguments()) as (recording, bench, _eager):
            if bench is None:
                return withheld(unproved(recording, subject.policies, subject.backends).recording)
            proved = prove(recording, bench, subject.policies, subject.backends).recording
            every = derived_calls(subject, bench, proved)
            declared.require(case.probes, [one.probe for one in every], case.named("PROBES"))
            journal = Journal(None if probing.journal is None else file_of(Path(probing.journal), case.target))
            work = _Work(subject, proved, time.perf_counter() + probing.seconds, code_of(bare), journal)
            work.try_each(bench, every[: probing.most])
        work.prove_wrong()
        found = work.recording(left=len(every) - len(work.probed))
        seen = [one for one in work.proved if any(map(is_bad, work.probed[one.probe].outcomes))]
        said = tuple(_written(case, seen or work.proved, probing.write_case))
        return withheld(dataclasses.replace(found, notes=(*found.notes, *said)))


def _written(case: Case, probes: Sequence[Derived], file: str | None) -> Iterator[str]:
    """Write those that go wrong as a case, if that is wanted, and say so.

    Raises:
        UsageError: The file cannot be written.
    """
    if file is None:
        return
    shown, why = readable_path(file), case_text.refusal(case)
    if why is not None or not probes:
        yield f"{shown} was not written: {why or 'no changed call goes wrong'}"
        return
    try:
        files.write(Path(file), case_text.text(case, probes, Path(file)))
    except OSError as error:
        hint = "free some space, or choose another path with --write-case"
        raise UsageError(f"cannot write the case {shown}: {error.strerror}", hint=hint) from error
    yield f"{shown} has {counted(len(probes), 'call')} that go wrong: steadygraph analyze {shown}"


def _nothing() -> dict[str, Any]:
    return {}


def derived_calls(subject: Subject, bench: Bench, recording: Recording) -> list[Derived]:
    """All changed calls that the profile call and its guards suggest."""
    arguments = recording.profile.arguments
    assert isinstance(arguments, ContainerNode)
    given = of_call(arguments, parameters(subject.model))
    given += [*omitted(subject.model, given), *defaults(subject.model, given)]
    guarded = Guarded(subject.model, bench.session)
    subject.state.restore()
    call = dict(inputs(bench.case, mark=False))[PROFILE]
    known = facts(subject.model, call, given, guarded)
    ambient = next((one.ambient for one in recording.profile.observations), Ambient())
    device = "cuda" if subject.on_cuda else "cpu"
    modules = sum(1 for _ in subject.model.modules())
    settings = of_settings(ambient, device=device, modules=modules)
    whole = guarded.whole and all(region.name == "" for region in recording.regions)
    read = frozenset(read_names(guarded)) if whole else None
    return derivation.derived(given, list(guarded.places.values()), settings, known, read)


class _Work:
    """What was tried so far.

    Args:
        subject: The model.
        recording: Of the profile call, and of the same call once more.
        deadline: Of ``time.perf_counter``: what is left then is not tried.
        code: The user's functions that run around the calls.
        journal: Has what was tried by processes that ended in a call.
    """

    def __init__(
        self,
        subject: Subject,
        recording: Recording,
        deadline: float,
        code: Sequence[Callable[..., Any] | None],
        journal: Journal,
    ) -> None:
        self._journal = journal
        self._subject, self._recording, self._deadline, self._code = subject, recording, deadline, code
        self._begun = time.perf_counter()
        again = recording.calls[1]
        self.probed: dict[Probe, Probed] = {AGAIN.probe: _of_call(AGAIN.probe, again)}
        self._wrong: list[Derived] = []
        self._beside_s = 0.0
        #: Those that go wrong, of one kind of change of one path the first.
        self.proved: list[Derived] = []
        #: Calls that are told in full.
        self._told = [again] if _is_bad(again.outcomes) else []

    def try_each(self, bench: Bench, probes: Sequence[Derived]) -> None:
        """Run each of them where guards are dropped; half of the time is kept for those that go wrong."""
        usual = set(self._subject.policies) <= set(_POLICIES)
        quick = self._subject.simulation is None and not bench.session.entry_points
        trials = Trials(self._subject, bench, self._code, afresh=bool(self._told))
        until = self._begun + (self._deadline - self._begun) / 2
        for number, one in enumerate(probes, 1):
            if time.perf_counter() > until:
                break
            if one == AGAIN:
                continue
            phase.begins(f"probe {number} of {len(probes)}, {one.probe.name}")
            found = self.probed[one.probe] = self._tried(trials, one, quick=quick)
            if found.ended is None and found.refused is None and (not (quick and usual) or _is_bad(found.outcomes)):
                self._wrong.append(one)
        trials.restore()
        self._beside_s = round(time.perf_counter() - self._begun - trials.model_s, 3)

    def _tried(self, trials: Trials, one: Derived, *, quick: bool) -> Probed:
        """Tried now, or by an earlier process."""
        name = one.probe.name
        if name in self._journal.ended:
            return Probed(one.probe, ended=self._journal.ended[name])
        if one.probe in self._journal.tried:
            return self._journal.tried[one.probe]
        self._journal.begins(name)
        found = _of_trial(one.probe, trials.tried(one) if quick else Tried(refused=trials.refusal(one)))
        self._journal.has_tried(found)
        return found

    def prove_wrong(self) -> None:
        """Analyse those that go wrong as serving calls of their own: of one kind of change of one path the first."""
        told: set[tuple[str, Change]] = set()
        shown = [one for one in self._wrong if any(map(is_bad, self.probed[one.probe].outcomes))]
        for one in {one.probe: one for one in (*shown, *self._wrong)}.values():
            key = one.probe.path, one.probe.change
            if key in told or time.perf_counter() > self._deadline:
                continue
            told.add(key)
            proof = f"the proof of {one.probe.name}"
            if proof in self._journal.ended:  # what was tried stands
                continue
            phase.begins(proof)
            self._journal.begins(proof)
            try:
                call = self._proved(one)
            except SteadygraphError:  # it cannot be a scenario: what was tried stands
                continue
            finally:
                self._journal.has_tried(self.probed[one.probe])
            found = self.probed[one.probe] = _of_call(one.probe, call)
            if _is_bad(found.outcomes):
                self._told.append(call)
                self.proved.append(one)

    def _proved(self, one: Derived) -> RecordedCall:
        case = changed_case(self._subject.case, {one.probe.name: one}, self._subject.model)
        subject = dataclasses.replace(self._subject, case=case)
        subject.state.restore()
        with recorded(subject, subject.arguments()) as (recording, bench, _eager):
            assert bench is not None, "the profile call has run before"
            return prove(recording, bench, subject.policies, subject.backends).recording.calls[1]

    def recording(self, left: int) -> Recording:
        """All of it."""
        duration_s = round(time.perf_counter() - self._begun, 3)
        probes = self._subject.case.probes
        told = (
            dataclasses.replace(one, declared=declared.is_declared(one.probe, probes)) for one in self.probed.values()
        )
        found = Sensitivity(tuple(told), left, duration_s, self._beside_s)
        calls = (self._recording.profile, *self._told)
        return dataclasses.replace(self._recording, calls=calls, sensitivity=found)


def _is_bad(outcomes: Iterable[Outcome]) -> bool:
    return any(one.consequence in (Consequence.SILENT_WRONG, Consequence.RAISES) for one in outcomes)


def _of_call(probe: Probe, call: RecordedCall) -> Probed:
    violated = [guard for one in call.observations for guard in one.violated_guards]
    return _probed(probe, predicted(call.outcomes, violated), violated)


def _of_trial(probe: Probe, tried: Tried) -> Probed:
    if tried.refused is not None or tried.dropped is None:
        return Probed(probe, refused=tried.refused)
    result = Result.RECOMPILES if tried.violated else tried.dropped.predicted or tried.dropped.result
    kept = Outcome(Policy.RECOMPILE, EAGER, Result.UNPROVED, predicted=result)
    if not tried.violated:  # the same code answers
        kept = dataclasses.replace(tried.dropped, policy=Policy.RECOMPILE, recompiles=0)
    return _probed(probe, predicted((kept, tried.dropped), tried.violated), tried.violated)


def _probed(probe: Probe, outcomes: tuple[Outcome, ...], violated: Sequence[ViolatedGuard]) -> Probed:
    placed = [guard for guard in violated if guard.location is not None]
    if not violated:
        return Probed(probe, outcomes)
    guard = (placed or list(violated))[0]
    return Probed(
        probe,
        outcomes,
        guard=guard.path,
        expected=guard.expected,
        actual=guard.actual,
        location=guard.location,
    )
