"""Every target in a process of its own, forked from a server that has torch imported already.

What a target does to its process (a crash, a hang, an exit, exhausted memory) becomes that target's report; the other
targets are analysed all the same.  Importing this module imports no torch, and neither does the parent later.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import forkserver, resource_tracker
from multiprocessing.connection import wait
from pathlib import Path

from steadygraph.config import Settings
from steadygraph.model import CaseReport, Recording
from steadygraph.workers.child import Child, start_problem
from steadygraph.workers.worker import Analyze, Order, failed

OnStart = Callable[[int], None]
OnDone = Callable[[int, CaseReport], None]
OnRecorded = Callable[[int, Recording], None]


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
        on_start: Told the index of each target when it starts.
        on_done: Told index and report of each target as soon as it is finished, in whatever order that happens.
        on_recorded: Told index and recording of each target that has a result, before its report.
        silent: Throw away what targets print; otherwise it goes to standard error.
        analyze: The engine, an importable function; None: ``steadygraph.engine.engine.analyze_case``.

    Yields:
        The reports in the order of the requests.  When the caller stops, or is interrupted, all processes end.
    """
    threads = None if jobs == 1 else max(1, len(os.sched_getaffinity(0)) // jobs)
    with tempfile.TemporaryDirectory(prefix="steadygraph-") as folder:
        orders = [
            Order(
                target=request.target,
                case_file=request.case_file,
                settings=settings,
                timeout_s=timeout_s,
                stack_file=Path(folder, f"stack-{index}"),
                silent=silent,
                threads=threads,
                record=on_recorded is not None,
                analyze=analyze,
            )
            for index, request in enumerate(requests)
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
        self.started = 0
        self.running: dict[int, Child] = {}
        self.finished: dict[int, CaseReport] = {}

    def reports(self) -> Iterator[CaseReport]:
        try:
            _start_server()
            for index in range(len(self.orders)):
                while index not in self.finished:
                    self._fill()
                    self._collect()
                yield self.finished.pop(index)
        finally:
            for child in self.running.values():
                child.kill()

    def _fill(self) -> None:
        while len(self.running) < self.jobs and self.started < len(self.orders):
            index = self.started
            self.started += 1
            if self.on_start is not None:
                self.on_start(index)
            order = self.orders[index]
            try:
                self.running[index] = Child(order)
            except (OSError, EOFError) as error:
                self._done(index, failed(order.target, start_problem(error)))

    def _collect(self) -> None:
        """Wait until something happens, and take in the reports of those that are done."""
        if self.running:
            sources = [source for child in self.running.values() for source in child.sources]
            wait(sources, timeout=min(child.patience_s for child in self.running.values()))
        for index, child in list(self.running.items()):
            result = child.poll()
            if result is not None:
                del self.running[index]
                report, recording = result
                if recording is not None and self.on_recorded is not None:
                    self.on_recorded(index, recording)
                self._done(index, report)

    def _done(self, index: int, report: CaseReport) -> None:
        self.finished[index] = report
        if self.on_done is not None:
            self.on_done(index, report)


def _start_server() -> None:
    """Start the server, if it does not run, deaf to Ctrl-C: the terminal sends that to all its processes."""
    multiprocessing.get_context("forkserver").set_forkserver_preload(["steadygraph.workers.preload"])
    # Starting the tracker unblocks the signal again, so it comes first.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
