"""Signals that end a run: what is finished is written, nothing is left behind, and the exit code says which it was."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pytest

from steadygraph.report.json.codec import from_json, to_json

from ..workers.conftest import is_gone
from .conftest import CLEAN

Write = Callable[..., Path]

SLOW = """
    import os, tempfile, time
    open(os.path.join(tempfile.gettempdir(), "reached"), "w").write(str(os.getpid()))
    time.sleep(600)
"""
#: Sends a signal to itself when a module is imported.
EARLY = """
import importlib.abc, os, runpy, signal, sys
module, number = sys.argv[1], int(sys.argv[2])
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == module: os.kill(os.getpid(), number)
sys.meta_path.insert(0, Finder())
sys.argv[1:] = ["analyze", "case.py"]
runpy.run_module("steadygraph", run_name="__main__")
"""


@contextlib.contextmanager
def dispositions(ignored: Collection[int]) -> Iterator[None]:
    """What a process that is started in this block has inherited: whatever started the tests, it is this."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.mark.parametrize(
    ("ignored", "sent", "code"),
    [
        ([signal.SIGINT, signal.SIGHUP], [signal.SIGINT, signal.SIGHUP, signal.SIGTERM], 143),
        ([], [signal.SIGHUP], 129),
    ],
    ids=["SIGTERM, the others ignored", "SIGHUP"],
)
def test_a_signal_ends_a_run_with_what_is_finished(
    write_case: Write, tmp_path: Path, ignored: list[int], sent: list[int], code: int
) -> None:
    write_case(CLEAN, "quick.py")
    write_case(CLEAN + SLOW, "slow.py")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    command = [sys.executable, "-m", "steadygraph", "analyze", "quick.py", "slow.py", "--output", "report.json"]
    with dispositions(ignored):
        running = subprocess.Popen(
            [*command, "--format", "json"],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    worker = written(temporary / "reached")

    for number in sent:
        assert running.poll() is None
        time.sleep(0.3)  # one that is not ignored would have ended it by now
        running.send_signal(number)
    out, err = running.communicate(timeout=60)

    text = (tmp_path / "report.json").read_text(encoding="utf-8")
    report = json.loads(text)
    assert (running.returncode, out, err) == (code, "", "")
    assert [case["target"] for case in report["cases"]] == ["quick.py"]
    assert (report["summary"]["interrupted"], report["summary"]["exit_code"]) == (True, code)
    assert to_json(from_json(text)) == text
    assert is_gone(worker)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["quick.py", "report.json", "slow.py", "temporary"]
    assert [file.name for file in temporary.iterdir() if "steadygraph" in file.name or "pymp" in file.name] == []


@pytest.mark.parametrize("module", ["steadygraph.cli.main", "steadygraph.cli.app", "steadygraph.workers.pool"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_early_signal_prints_nothing(tmp_path: Path, module: str, number: int, code: int) -> None:
    with dispositions([]):
        done = subprocess.run(
            [sys.executable, "-c", EARLY, module, str(int(number))],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


def written(file: Path) -> int:
    """The number in a file, once it is there."""
    limit = time.monotonic() + 120
    while not (file.exists() and file.read_text()):
        assert time.monotonic() < limit, f"{file} did not appear"
        time.sleep(0.05)
    return int(file.read_text())
