"""Long work shows what it is about: on a terminal always, elsewhere now and then."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.cli.progress import Progress
from steadygraph.config import Settings
from steadygraph.workers.pool import Request, run

WAITING = """
import time
from pathlib import Path
import torch

def build(): return torch.nn.ReLU()
def profile(): return (torch.ones(3),), {}
def serving(): return {"late": ((torch.ones(3),), {})}

def before(model, name):
    if name == "late" and not Path("go").exists():
        Path("ready").touch()
        while not Path("go").exists():
            time.sleep(0.01)
"""


def test_what_a_worker_is_about_can_be_read_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "case.py").write_text(WAITING)
    read: list[str] = []

    def start(_index: int, activity: Callable[[], str]) -> None:
        def look() -> None:
            while not (tmp_path / "ready").exists():
                threading.Event().wait(0.01)
            read.append(activity())
            (tmp_path / "go").touch()

        threading.Thread(target=look, daemon=True).start()

    (report,) = run([Request("case.py")], Settings(), on_start=start)

    assert report.error is None
    assert read == ["eager mode 2 of 2: the call late"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(activity: str, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, shown: bool = True) -> None:
    """Show a target that is about this until it was asked three times."""
    asked = threading.Semaphore(0)

    def ask() -> str:
        asked.release()
        return activity

    monkeypatch.setattr("sys.stderr", stream)
    with Progress(["one.py", "two.py"], shown=shown, interval_s=0.01) as progress:
        progress.start(1, ask)
        for _ in range(3 if shown else 0):
            assert asked.acquire(timeout=60)
        progress.done(1)


def test_where_there_is_no_terminal_a_line_is_written_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()

    told("tracing 2 of 5: the call image\n", stream, monkeypatch)

    lines = stream.getvalue().splitlines()
    assert set(lines) == {"[2/2] two.py: tracing 2 of 5: the call image (0 s)"}
    assert len(lines) >= 2


def test_on_a_terminal_the_line_is_kept_up_and_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()

    told("tracing 2 of 5: the call image", stream, monkeypatch)

    assert "[2/2] two.py  tracing 2 of 5: the call" in stream.getvalue()
    assert "(0 s)" not in stream.getvalue()


def test_progress_that_nobody_wants_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()

    told("tracing", stream, monkeypatch, shown=False)

    assert stream.getvalue() == ""


def test_secrets_in_names_of_calls_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVICE_TOKEN", "tok-0123456789abcdef")
    stream = io.StringIO()

    told("the call tok-0123456789abcdef", stream, monkeypatch)

    assert set(stream.getvalue().splitlines()) == {"[2/2] two.py: the call *** (0 s)"}
