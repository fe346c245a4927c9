"""Every target in a process of its own, forked from a server that has torch imported already.

What a target does to its process (a crash, a hang, an exit, exhausted memory) becomes that target's report; the other
targets are analysed all the same.  Importing this module imports no torch, and neither does the parent later.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import wait
from pathlib import Path

from steadygraph.config import Settings
from steadygraph.model import CaseReport, Problem, Recording
from steadygraph.rule.packs import slow_packs
from steadygraph.workers import endings, memory, wire
from steadygraph.workers.child import Child, Killed, NeverBegan
from steadygraph.workers.order import Analyze, Order, Surroundings, importable
from steadygraph.workers.wire import Result
from steadygraph.workers.worker import failed

OnStart = Callable[[int, Callable[[], str]], None]
OnDone = Callable[[int, CaseReport], None]
OnRecorded = Callable[[int, Recording], None]

#: How often a server is started for one target before that is given up.
_MOST_STARTS = 3


#: May this one (an index) start beside those that run?
Fits = Callable[[Collection[int], int], bool]


@dataclass(frozen=True, slots=True)
class Request:
    """A target, and the case file of its class where that is another one.

    Args:
        target: As it was written.
        case_file: Of a class.
        memory_limit_bytes: How much its processes may have in memory; None: as the others of the run.
    """

    target: str
    case_file: Path | None = None
    memory_limit_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of one target."""

    index: int
    report: CaseReport
    #: The most that one of its processes had in memory; None: nobody saw them end.
    peak_bytes: int | None


def run(
    requests: Sequence[Request],
    settings: Settings,
    *,
    jobs: int = 1,
    timeout_s: float | None = None,
    memory_limit_bytes: int | None = None,
    on_start: OnStart | None = None,
    on_done: OnDone | None = None,
    on_recorded: OnRecorded | None = None,
    silent: bool = False,
    analyze: Analyze | None = None,
) -> Iterator[CaseReport]:
    """Analyse each target in a process of its own.

    Args:
        requests: What to analyse.
        settings: What the engine needs to know.
        jobs: How many targets are analysed at the same time.
        timeout_s: How long one may take; None: as long as it likes.
        memory_limit_bytes: How much the processes of one may have in memory; None: its share of what is available
            now, 0: as much as they like.
        on_start: Told the index of each target when it starts, with a function that says what it is about.
        on_done: Told index and report of each target as soon as it is finished, in whatever order that happens.
        on_recorded: Told index and recording of each target that has a result, before its report.
        silent: Throw away what targets print; otherwise it goes to standard error.
        analyze: The engine, an importable function; None: ``steadygraph.engine.engine.analyzed``.

    Yields:
        The reports in the order of the requests.  When the caller stops, or is interrupted, all processes end.
    """
    made = orders(
        requests,
        settings,
        jobs=jobs,
        timeout_s=timeout_s,
        memory_limit_bytes=memory_limit_bytes,
        record=on_recorded is not None,
        silent=silent,
        analyze=analyze,
    )
    kept: dict[int, CaseReport] = {}
    following = 0
    with contextlib.closing(stream(made, jobs=jobs, on_start=on_start, on_recorded=on_recorded)) as results:
        for done in results:
            if on_done is not None:
                on_done(done.index, done.report)
            kept[done.index] = done.report
            while following in kept:
                yield kept.pop(following)
                following += 1


def orders(
    requests: Sequence[Request],
    settings: Settings,
    *,
    jobs: int = 1,
    timeout_s: float | None = None,
    memory_limit_bytes: int | None = None,
    record: bool = False,
    silent: bool = False,
    analyze: Analyze | None = None,
    preload: Sequence[str] = (),
) -> list[Order]:
    """What workers are asked to do, here or in another process; the arguments are those of :func:`run`."""
    surroundings = Surroundings.here()
    slow = slow_packs() if analyze is None else {}
    if memory_limit_bytes is None:
        memory_limit_bytes = memory.share_bytes(jobs)
    return [
        Order(
            target=request.target,
            case_file=None if request.case_file is None else str(request.case_file),
            settings=settings,
            timeout_s=timeout_s,
            memory_limit_bytes=request.memory_limit_bytes or memory_limit_bytes or None,
            silent=silent,
            threads=None if jobs == 1 else max(1, len(os.sched_getaffinity(0)) // jobs),
            record=record,
            engine=None if analyze is None else importable(analyze),
            slow_packs=slow,
            surroundings=surroundings,
            preload=tuple(preload),
        )
        for request in requests
    ]


def stream(
    orders: Sequence[Order],
    *,
    jobs: int = 1,
    on_start: OnStart | None = None,
    on_recorded: OnRecorded | None = None,
    fits: Fits | None = None,
) -> Generator[Finished]:
    """Carry out each order in a process of its own.

    Args:
        orders: What to do.
        jobs: How many at the same time.
        on_start: Told the index of each when it starts.
        on_recorded: Told index and recording of each that has a result, before that.
        fits: Asked before one starts beside others; None: all fit.

    Yields:
        What became of each as soon as it is finished.  Nothing of it is kept here.
    """
    yield from _Run(orders, jobs, on_start, on_recorded, fits).results()


class _Run:
    """The targets that wait, run and are finished."""

    def __init__(
        self,
        orders: Sequence[Order],
        jobs: int,
        on_start: OnStart | None,
        on_recorded: OnRecorded | None,
        fits: Fits | None,
    ) -> None:
        self.orders = orders
        self.jobs = jobs
        self.on_start = on_start
        self.on_recorded = on_recorded
        self.fits = fits
        self.waiting = list(range(len(orders)))
        #: They were killed beside others, and nobody knows whose fault that was: each runs once more, alone.
        self.suspects: list[int] = []
        self.starts = [0] * len(orders)
        self.running: dict[int, Child] = {}
        self.finished: deque[Finished] = deque()

    def results(self) -> Iterator[Finished]:
        try:
            self._fill()
            wire.prepare()  # while they work
            while self.waiting or self.suspects or self.running or self.finished:
                while self.finished:
                    yield self.finished.popleft()
                self._fill()
                self._collect()
        finally:
            for child in self.running.values():
                child.end()

    def _fill(self) -> None:
        while len(self.running) < self.jobs and (index := self._next()) is not None:
            self._start(index)
        if self.suspects and not self.running:
            self._start(self.suspects.pop(0))

    def _next(self) -> int | None:
        """The first of those that wait that fits beside what runs; alone every one does."""
        alone = self.fits is None or not self.running
        for index in self.waiting:
            if alone or (self.fits is not None and self.fits(self.running, index)):
                self.waiting.remove(index)
                return index
        return None

    def _start(self, index: int) -> None:
        if self.starts[index] == 0 and self.on_start is not None:
            self.on_start(index, lambda: self._activity(index))
        self.starts[index] += 1
        try:
            self.running[index] = Child(self.orders[index])
        except OSError as error:
            self._not_started(index, f"{type(error).__name__}: {error}")
        if len(self.running) > 1:
            for child in self.running.values():
                child.had_company = True

    def _activity(self, index: int) -> str:
        """Asked from another thread."""
        child = self.running.get(index)
        return "" if child is None else child.activity

    def _not_started(self, index: int, why: str) -> None:
        if self.starts[index] < _MOST_STARTS:
            self.waiting.insert(0, index)
        else:
            self._fail(index, endings.of_the_start(why))

    def _collect(self) -> None:
        """Wait until something happens, and take in the reports of those that are done."""
        if self.running:
            sources = [source for child in self.running.values() for source in child.sources]
            wait(sources, timeout=min(child.patience_s for child in self.running.values()))
        for index, child in list(self.running.items()):
            try:
                result = child.poll()
            except NeverBegan:
                del self.running[index]
                self._not_started(index, "the process that it is forked from was ended")
            except Killed as killed:
                del self.running[index]
                self._killed(index, killed.problem, had_company=child.had_company)
            else:
                if result is not None:
                    del self.running[index]
                    self._take_in(index, result, child.peak_bytes)

    def _killed(self, index: int, problem: Problem, *, had_company: bool) -> None:
        if had_company:
            self.suspects.append(index)
        else:
            self._fail(index, problem)

    def _take_in(self, index: int, result: Result, peak_bytes: int | None) -> None:
        report, recording = result
        if recording is not None and self.on_recorded is not None:
            self.on_recorded(index, recording)
        self.finished.append(Finished(index, report, peak_bytes))

    def _fail(self, index: int, problem: Problem) -> None:
        self.finished.append(Finished(index, failed(self.orders[index].target, problem), None))
