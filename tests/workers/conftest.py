"""Targets without torch, and what is asked about processes."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steadygraph.workers.order import Analyze

Write = Callable[..., Path]

#: An engine that needs no torch: it runs the functions of the case and no model.
ENGINE = """
    from steadygraph.case.case import profile_call, serving_calls
    from steadygraph.model import CaseReport, Status

    def analyze(case, settings):
        case.build()
        profile_call(case)
        notes = [*serving_calls(case), *settings.select]
        return CaseReport(case.target, Status.COMPLETED, 0.0, notes=tuple(notes))

    def stumble(case, settings):
        from steadygraph.errors.near_miss import closest

        closest(None, ["gone"])
"""

#: The front of a case file.
WHOLE = """
import os, signal, sys, threading, time
def build(): pass
def profile(): return (), {}
def serving(): return {"image": ((), {})}
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_case: Write) -> Iterator[Analyze]:
    """Importable in a worker, too: it gets the search path of its parent."""
    write_case(ENGINE, "stand_in_engine.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import stand_in_engine

    yield stand_in_engine.analyze
    del sys.modules["stand_in_engine"]


def wait_for(file: Path) -> None:
    """Until a worker has written its process id."""
    limit = time.monotonic() + 30
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < limit, f"{file} did not appear"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Has this process ended, or does it within five seconds?"""
    limit = time.monotonic() + 5
    while time.monotonic() < limit:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
            return True
        time.sleep(0.02)
    return False
