"""``steadygraph.watch``: a process that runs, observed without a case and without a change of its code."""

from __future__ import annotations

import contextlib
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType

from torch import nn

from steadygraph import torch_private
from steadygraph.engine.judge import judge
from steadygraph.errors import SteadygraphError, UsageError
from steadygraph.errors.files import require_folder
from steadygraph.live import EVERY, STRUCTURES
from steadygraph.live.case_folder import CaseFolder
from steadygraph.live.folder import LiveFolder
from steadygraph.live.observer import LiveObserver
from steadygraph.live.recording import recording
from steadygraph.live.region import LiveRegion
from steadygraph.live.scenario import Scenario
from steadygraph.model import CaseReport, Finding, Problem, Recording, Severity, Status
from steadygraph.model.environment import environment
from steadygraph.model.run import INTERNAL_ERROR
from steadygraph.redaction.text import without_values
from steadygraph.report.portable import portable
from steadygraph.report.shown import Report
from steadygraph.report.text.layout import flat
from steadygraph.rule.packs import LoadedRules, Selection, load_packs, selection
from steadygraph.torch_private import EntryPoint

#: Of a process, if nobody says what it is.
PROCESS = "process"
INTERVAL_S = 60.0
_LONGEST_LINE = 400
_FACTORY = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
#: Only one at a time stands in front of Dynamo.
_one = threading.Lock()


def watch(
    target: object = None,
    *,
    report: str | Path | None = None,
    cases: str | Path | None = None,
    save_tensors: bool = False,
    factory: str | None = None,
    structures: int = STRUCTURES,
    every: int = EVERY,
    interval_s: float = INTERVAL_S,
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    tell: Callable[[str], object] | None = None,
) -> Watching:
    """Observe what ``torch.compile`` made while it is called, from now on until the block ends or ``close()``.

    The first compiled call of each module or function is its profile call, or all calls before ``serving_starts()``;
    what comes later is held against it.  Results of the process are what they are without it.

    Args:
        target: A compiled module, with what it holds, or a compiled function; None: all of the process.
        report: A directory for the report in all formats, written whole at each finding and at intervals.
        cases: A directory for case files, one for each scenario with an error or a warning, written when it is found.
        save_tensors: Cases get the values of the arguments, and not others of the same structure.
        factory: ``package.module:function``, which makes the module in cases; None: it is pickled, weights and all.
        structures: So many distinct structures are looked at for each module or function; further ones are counted.
        every: Where guards are dropped, how the arguments look is seen at every call, and all guards are asked at every
            so many.
        interval_s: How often the report is written although nothing new was found.
        select: Rules to run, by code, code prefix, kind or name; empty: all.
        ignore: Rules to leave out.
        tell: Gets a line for each finding, and for what is watched no more; default: standard error.

    Returns:
        A handle, which is a context manager as well.

    Raises:
        UsageError: An argument means nothing, the directory cannot be written to, or somebody watches already.
        TorchSupportError: The installed torch lacks what is needed.
    """
    for name, number in (("structures", structures), ("every", every)):
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise UsageError(f"{name} is {number!r}", hint="write how many, 1 or more")
    if factory is not None and not _FACTORY.fullmatch(factory):
        raise UsageError(f"factory is {factory!r}", hint="write package.module:function")
    torch_private.require()
    torch_private.import_compiler()
    wanted = _wanted(target)
    packs = load_packs()
    chosen = selection(packs, tuple(select), tuple(ignore))
    if not _one.acquire(blocking=False):
        raise UsageError("the process is watched already", hint="close() the first watch before the next one begins")
    try:
        return Watching(
            wanted,
            packs,
            chosen,
            report=report,
            cases=None if cases is None else Path(cases),
            save_tensors=save_tensors,
            factory=factory,
            numbers=(structures, every, interval_s),
            tell=tell or _to_stderr,
        )
    except BaseException:
        _one.release()
        raise


class Watching:
    """What :func:`watch` gives: the findings so far, at any time, from any thread."""

    #: What the report calls the process.
    target: str = PROCESS

    def __init__(
        self,
        wanted: Callable[[EntryPoint], bool],
        packs: LoadedRules,
        chosen: Selection,
        *,
        report: str | Path | None,
        cases: Path | None,
        save_tensors: bool,
        factory: str | None,
        numbers: tuple[int, int, float],
        tell: Callable[[str], object],
    ) -> None:
        self._packs, self._chosen, self._tell = packs, chosen, tell
        self._started = time.monotonic()
        self._told: dict[str, None] = {}
        #: Of what is being told one after the other.
        self._telling = threading.RLock()
        structures, every, interval_s = numbers
        self._observer = self._observing(wanted, structures, every, save_tensors)
        self._open = True
        #: Of a watch that was closed.
        self._kept: Recording | None = None
        #: What was lost, a sentence each.
        self._lines: list[str] = []
        self._factory = factory
        self._cases = None if cases is None else self._case_folder(cases)
        self._folder = None
        if report is not None:
            self._folder = self._stored(Path(report), interval_s)
        self._installed = contextlib.ExitStack()
        self._installed.enter_context(self._heard())

    def _observing(
        self, wanted: Callable[[EntryPoint], bool], structures: int, every: int, keeps_tensors: bool
    ) -> LiveObserver:
        return LiveObserver(
            wanted=wanted,
            found=self._found,
            failed=self._lost,
            structures=structures,
            every=every,
            keeps_tensors=keeps_tensors,
        )

    def _stored(self, path: Path, interval_s: float) -> LiveFolder:
        return LiveFolder(path, self.report, interval_s, failed=self._lost)

    def _heard(self) -> contextlib.AbstractContextManager[None]:
        """A block in which calls are heard of."""
        return self._observer.tap.installed()

    def __enter__(self) -> Watching:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the rules say of all that was seen so far."""
        return self.report().findings

    def report(self) -> Report:
        """The report of all that was seen so far; one that could not be made says why."""
        return Report((self._judged(self.recording),), environment=environment())

    def recording(self) -> Recording:
        """All that was observed so far."""
        return self._kept or self._recorded()

    def _recorded(self) -> Recording:
        return recording(
            self._observer.regions,
            target=self.target,
            duration_s=round(time.monotonic() - self._started, 3),
            notes=[*self._observer.notes, *self._lines],
        )

    def write_case(self, folder: str | Path) -> tuple[Path, ...]:
        """Write a case file for each scenario with an error or a warning, for ``steadygraph analyze``.

        Args:
            folder: A directory; it is made where there is none.

        Returns:
            The files; what cannot be made again is told as findings are.

        Raises:
            UsageError: The directory cannot be made, or the watch was closed.
        """
        if not self._open:
            raise UsageError("the watch is closed", hint="write_case() before close(), or watch(cases=...)")
        cases = self._case_folder(Path(folder))
        with self._telling:
            pairs = [(region, one) for region in self._observer.regions for one in region.observed()]
            return tuple(path for pair in pairs if (path := self._write(cases, *pair)) is not None)

    def _case_folder(self, path: Path) -> CaseFolder:
        require_folder(path)
        return CaseFolder(path, self._factory, self._lost)

    def _write(self, cases: CaseFolder, region: LiveRegion, scenario: Scenario) -> Path | None:
        told = self._shown(self._findings(region, scenario))
        return cases.write(region, scenario, told) if told else None

    def serving_starts(self) -> None:
        """What was called until now was warm-up: later calls are held against all of it."""
        self._ended_well([self._observer.serving_starts, self._told.clear])

    def close(self) -> None:
        """Watch nothing any more, and write the report for the last time; what was seen stays."""
        if self._open:
            self._open = False
            self._ended_well([self._observer.close, self._installed.close, _one.release, self._finish])

    def _finish(self) -> None:
        self._kept = self._recorded()
        self._observer.release()
        if self._folder is not None:
            self._folder.close()
            self._folder.write()

    def _ended_well(self, steps: Iterable[Callable[[], object]]) -> None:
        """Go through these steps: what goes wrong in one is said in a line, and ends nothing."""
        for step in steps:
            try:
                step()
            except Exception as error:
                with contextlib.suppress(Exception):
                    self._lost(f"{type(error).__name__}: {error}")

    # --- what the observer tells ---------------------------------------------------------------------

    def _found(self, region: LiveRegion, scenario: Scenario | None) -> None:
        """Something new was observed: judge it, say what the rules say, and have it on disk before anything else."""
        with self._telling:
            new = [one for one in self._findings(region, scenario) if one.fingerprint not in self._told]
            self._told.update(dict.fromkeys(one.fingerprint for one in new))
            for line in self._shown(new):
                self._say(f"steadygraph: {line}")
            if new and self._folder is not None:
                self._folder.write()
            if new and self._cases is not None and scenario is not None:
                self._write(self._cases, region, scenario)

    def _findings(self, region: LiveRegion, scenario: Scenario | None) -> tuple[Finding, ...]:
        seen = recording([region], target=self.target, scenarios=[] if scenario is None else [scenario])
        return self._judged(lambda: seen).findings

    def _shown(self, findings: Iterable[Finding]) -> list[str]:
        """A line for each that is more than a note."""
        loud = tuple(one for one in findings if one.severity is not Severity.NOTE and one.allowed is None)
        clean = portable(Report((CaseReport(self.target, Status.COMPLETED, 0.0, findings=loud),))).report.findings
        return [_line(finding) for finding in clean]

    def _lost(self, line: str) -> None:
        if line in self._lines:
            return
        self._lines.append(line)
        self._say(f"steadygraph: {flat(without_values(line), _LONGEST_LINE)}")

    def _say(self, line: str) -> None:
        """Whoever hears it may fail; nobody watches less for that."""
        with contextlib.suppress(Exception):
            self._tell(line)

    def _judged(self, make: Callable[[], Recording]) -> CaseReport:
        try:
            return judge(make(), self._packs, self._chosen)
        except Exception as error:
            self._lost(f"there is no report: {type(error).__name__}: {error}")
            problem = error.problem if isinstance(error, SteadygraphError) else f"{type(error).__name__}: {error}"
            kind = type(error).__name__ if isinstance(error, SteadygraphError) else INTERNAL_ERROR
            return CaseReport(self.target, Status.FAILED, 0.0, Problem(kind, problem))


def _line(finding: Finding) -> str:
    place = finding.location
    where = "" if place is None else f" ({place.path}:{place.line})"
    line = f"{finding.severity} {finding.rule} [{finding.scenario}] {finding.message}{where}"
    return flat(line, _LONGEST_LINE)


def _to_stderr(line: str) -> None:
    # Nobody may read it any more, or it may be closed.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _wanted(target: object) -> Callable[[EntryPoint], bool]:
    """Which entry points are watched.

    Raises:
        UsageError: The target is neither compiled nor a module.
    """
    if target is None:
        return lambda point: True
    if isinstance(target, nn.Module):
        held = {id(module) for module in target.modules()}
        return lambda point: id(point.module) in held
    function = torch_private.original_function(target) if callable(target) else target
    if function is target or not callable(target):
        shown = getattr(target, "__qualname__", type(target).__name__)
        hint = "give what torch.compile returned, a module, or nothing for all of the process"
        raise UsageError(f"{shown} is not compiled", hint=hint)
    return lambda point: point.function == function
