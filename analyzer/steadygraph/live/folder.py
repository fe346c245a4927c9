"""The report of a process on disk: whole at each finding and at intervals, so that it is there however that ends."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from pathlib import Path

from steadygraph.errors import SteadygraphError
from steadygraph.model.run import RunReport
from steadygraph.report import folder


class LiveFolder:
    """Writes reports to a folder.

    Args:
        path: The folder.
        make: Gives the report as it is now.
        interval_s: How often it is written although nothing was found: counts change.
        failed: Told in a line why it could not be written.
        store: Writes a report to the folder.

    Raises:
        UsageError: The folder cannot be written to.
    """

    def __init__(
        self,
        path: Path,
        make: Callable[[], RunReport],
        interval_s: float,
        *,
        failed: Callable[[str], object],
        store: Callable[[RunReport, Path], object] = folder.store,
    ) -> None:
        folder.require(path)
        self._store = store
        self._path, self._make, self._interval_s, self._failed = path, make, interval_s, failed
        self._process = os.getpid()
        self._writing = threading.Lock()
        self._closed = threading.Event()
        threading.Thread(target=self._at_intervals, name="steadygraph", daemon=True).start()

    def write(self) -> None:
        """Write the report, whole; a full disk ends nothing."""
        if os.getpid() != self._process:  # a child of the process that is watched
            return
        try:
            with self._writing:
                self._store(self._make(), self._path)
        except Exception as error:
            self._failed(error.problem if isinstance(error, SteadygraphError) else f"{type(error).__name__}: {error}")

    def close(self) -> None:
        self._closed.set()

    def _at_intervals(self) -> None:
        with contextlib.suppress(Exception):
            while not self._closed.wait(self._interval_s):
                self.write()
