"""Every target in a process of its own, forked from a server that has torch imported already.

What a target does to its process (a crash, a hang, an exit, exhausted memory) becomes that target's report; the other
targets are analysed all the same.  Importing this module imports no torch, and neither does the parent later.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
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


@dataclass(frozen=True, slots=True)
class Request:
    """A target, and the case file of its class where that is another one."""

    target: str
    case_file: Path | None = None


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
    surroundings = Surroundings.here()
    slow = slow_packs() if analyze is None else {}
    if memory_limit_bytes is None:
        memory_limit_bytes = memory.share_bytes(jobs)
    orders = [
        Order(
            target=request.target,
            case_file=None if request.case_file is None else str(request.case_file),
            settings=settings,
            timeout_s=timeout_s,
            memory_limit_bytes=memory_limit_bytes or None,
            silent=silent,
            threads=None if jobs == 1 else max(1, len(os.sched_getaffinity(0)) // jobs),
            record=on_recorded is not None,
            engine=None if analyze is None else importable(analyze),
            slow_packs=slow,
            surroundings=surroundings,
        )
        for request in requests
    ]
    yield from _Run(orders, jobs, on_start, on_done, on_recorded).reports()


class _Run:
    """The targets that wait, run and are finished."""

    def __init__(
        self,
        orders: Sequence[Order],
        jobs: int,
        on_start: OnStart | None,
        on_done: OnDone | None,
        on_recorded: OnRecorded | None,
    ) -> None:
        self.orders = orders
        self.jobs = jobs
        self.on_start = on_start
        self.on_done = on_done
        self.on_recorded = on_recorded
        self.waiting = list(range(len(orders)))
        #: They were killed beside others, and nobody knows whose fault that was: each runs once more, alone.
        self.suspects: list[int] = []
        self.starts = [0] * len(orders)
        self.running: dict[int, Child] = {}
        self.finished: dict[int, CaseReport] = {}

    def reports(self) -> Iterator[CaseReport]:
        try:
            self._fill()
            wire.prepare()  # while they work
            for index in range(len(self.orders)):
                while index not in self.finished:
                    self._fill()
                    self._collect()
                yield self.finished.pop(index)
        finally:
            for child in self.running.values():
                child.end()

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.jobs:
            self._start(self.waiting.pop(0))
        if self.suspects and not self.running:
            self._start(self.suspects.pop(0))

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
                    self._take_in(index, result)

    def _killed(self, index: int, problem: Problem, *, had_company: bool) -> None:
        if had_company:
            self.suspects.append(index)
        else:
            self._fail(index, problem)

    def _take_in(self, index: int, result: Result) -> None:
        report, recording = result
        if recording is not None and self.on_recorded is not None:
            self.on_recorded(index, recording)
        self._done(index, report)

    def _fail(self, index: int, problem: Problem) -> None:
        self._done(index, failed(self.orders[index].target, problem))

    def _done(self, index: int, report: CaseReport) -> None:
        self.finished[index] = report
        if self.on_done is not None:
            self.on_done(index, report)
