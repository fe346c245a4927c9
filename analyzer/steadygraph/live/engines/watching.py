"""One watch for each process of an engine: its findings in lines, its report on disk."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterable
from multiprocessing.util import Finalize
from pathlib import Path

from steadygraph import torch_private
from steadygraph.errors.files import write
from steadygraph.live.engines import events
from steadygraph.live.engines.metrics import Metrics
from steadygraph.live.engines.observer import EngineObserver
from steadygraph.live.engines.place import Place
from steadygraph.live.engines.settings import Settings
from steadygraph.live.folder import LiveFolder
from steadygraph.live.recording import recording
from steadygraph.live.region import LiveRegion
from steadygraph.live.watch import INTERVAL_S, Watching
from steadygraph.model import CaseReport, Finding, Recording, Status
from steadygraph.model.environment import environment
from steadygraph.model.run import RunReport
from steadygraph.report.json import codec
from steadygraph.report.shown import Report
from steadygraph.rule.packs import load_packs, selection
from steadygraph.torch_private import EntryPoint

REPORT = "report.json"
_NOTHING = "no model that the engine has compiled was called yet"


class PlacedWatching(Watching):
    """The watch of one process of several, for all that ``torch.compile`` made there; a case for each model.

    Args:
        settings: How to watch.
        place: Which process it is.
        interval_s: How often the report is written although nothing new was found.

    Raises:
        UsageError: The directory cannot be written to.
        TorchSupportError: The installed torch lacks what is needed.
    """

    def __init__(self, settings: Settings, place: Place, interval_s: float = INTERVAL_S) -> None:
        torch_private.require()
        torch_private.import_compiler()
        self._settings, self.place = settings, place
        self.target = place.engine
        self._metrics = Metrics(place.rank)
        packs = load_packs()
        super().__init__(
            lambda _point: True,
            packs,
            selection(packs, (), ()),
            report=settings.directory / place.folder,
            cases=None,
            save_tensors=False,
            factory=None,
            numbers=(settings.structures, settings.every, interval_s),
            tell=self._to_stderr,
        )
        # Whoever looks for the report of a rank finds one, before anything was found.
        assert self._folder is not None
        self._folder.write()
        # Python's own atexit is not heard of in a worker of multiprocessing.
        Finalize(None, self.close, exitpriority=1)

    def report(self) -> Report:
        """A case for each model, in the order in which they were called first."""
        self._sent(lambda: self._metrics.update(self._observer.regions, self._seconds))
        cases = tuple(self._judged(lambda region=region: self._of(region)) for region in self._regions)  # type: ignore[misc]
        nothing = CaseReport(self.target, Status.COMPLETED, 0.0, notes=(_NOTHING, *self._lines))
        return Report(cases or (nothing,), environment={**environment(), **self.place.noted()})

    def close(self) -> None:
        if self._open:
            self._open = False
            self._ended_well([self._observer.close, self._installed.close, self._finish])

    def _finish(self) -> None:
        if self._folder is not None:
            self._folder.close()
            self._folder.write()

    @property
    def _seconds(self) -> float:
        """That calls have waited for us, as far as that is known."""
        return 0.0

    @property
    def _regions(self) -> list[LiveRegion]:
        return [region for region in self._observer.regions if region.profiled or region.given_up]

    def _of(self, region: LiveRegion) -> Recording:
        return recording(
            [region],
            target=region.name,
            duration_s=round(time.monotonic() - self._started, 3),
            notes=[note for note in (*self._observer.notes, *self._lines) if region.name in note],
        )

    def _shown(self, findings: Iterable[Finding]) -> list[str]:
        new = [*findings]
        self._sent(lambda: self._metrics.found(new))
        self._sent(lambda: events.send(new, self.place.rank))
        return super()._shown(new)

    def _sent(self, send: Callable[[], object]) -> None:
        """What others are told beside the report: where that fails, the report is as it is."""
        try:
            send()
        except Exception as error:
            self._lost(f"metrics and events are not sent: {type(error).__name__}: {error}")

    def _stored(self, path: Path, interval_s: float) -> LiveFolder:
        return LiveFolder(path, self.report, interval_s, failed=self._lost, store=_store)

    def _to_stderr(self, line: str) -> None:
        rank = f"steadygraph [rank {self.place.rank}]"
        # Nobody may read it any more, or it may be closed.
        with contextlib.suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(f"{line.replace('steadygraph', rank, 1)}\n")
            sys.stderr.flush()


class EngineWatching(PlacedWatching):
    """The watch of a process, for models that an engine compiles with guards dropped, and of whose calls it tells."""

    @property
    def observer(self) -> EngineObserver:
        assert isinstance(self._observer, EngineObserver)
        return self._observer

    @property
    def _seconds(self) -> float:
        return self.observer.seconds

    def _observing(
        self, wanted: Callable[[EntryPoint], bool], structures: int, every: int, keeps_tensors: bool
    ) -> EngineObserver:
        return EngineObserver(
            found=self._found, failed=self._lost, structures=structures, every=every, proves=self._settings.proves
        )

    def _heard(self) -> contextlib.AbstractContextManager[None]:
        """The engine tells of its calls."""
        return contextlib.nullcontext()


def _store(report: RunReport, folder: Path) -> None:
    """One format: the others are made of it where nobody waits for an answer."""
    write(folder / REPORT, codec.to_json(report))


class OfProcess:
    """The watch of this process, made where it is first needed: one that was forked has none yet."""

    def __init__(self, make: Callable[[], EngineWatching]) -> None:
        self._make = make
        self._process = 0
        self._watching: EngineWatching | None = None

    @property
    def made(self) -> EngineWatching | None:
        """The watch of this process, if there is one."""
        return self._watching if self._process == os.getpid() else None

    def __call__(self) -> EngineWatching:
        if self.made is None:
            self._process, self._watching = os.getpid(), self._make()
        assert self._watching is not None
        return self._watching
