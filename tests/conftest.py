"""What tests of several parts share."""

from __future__ import annotations

import fcntl
import gc
import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from _pytest import pytester
from hypothesis import HealthCheck, settings

from steadygraph.cli.main import main
from steadygraph.model import CaseReport

ROOT = Path(__file__).resolve().parent.parent
#: Where modules come from that are there for all tests: other ones are those of a test.
_INSTALLED = (sys.prefix, sys.base_prefix, str(ROOT / "analyzer"), str(ROOT / "rules"))

# How long an example takes to make or to try says what else a machine does, and nothing about the code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# With torch loaded a collection of everything takes 0.2 s and more, in all a tenth of the time of the tests.
gc.set_threshold(100_000, 20, 100)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest begins first: a worker that has nothing left takes over what is short, at the end."""
    items.sort(key=lambda item: item.path.parent.name != "precision")


@pytest.fixture(scope="session", autouse=True)
def each_module_exists_once() -> Iterator[None]:
    """A session of pytest in this process forgets at its end what it imported first.

    Another import would make a second copy of a module beside the one that packages and functions go on using: what a
    test puts into one is not seen in the other.
    """
    forget = pytester.SysModulesSnapshot.restore

    def forget_others(snapshot: pytester.SysModulesSnapshot) -> None:
        before = list(sys.modules.items())
        forget(snapshot)
        for name, module in before:
            if str(getattr(module, "__file__", None)).startswith(_INSTALLED):
                sys.modules.setdefault(name, module)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pytester.SysModulesSnapshot, "restore", forget_others)
        yield


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return ROOT


@pytest.fixture
def write_case(tmp_path: Path) -> Callable[..., Path]:
    """``write_case(text, name="case.py")`` writes a case file into ``tmp_path``; the text may be indented."""

    def write(text: str, name: str = "case.py") -> Path:
        file = tmp_path / name
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    return write


@pytest.fixture
def nothing_compiled() -> Iterator[None]:
    """What an earlier test compiled is forgotten, and so is what this one does."""
    import torch

    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.fixture(scope="session")
def shortest() -> Callable[[Callable[[], object]], float]:
    """``shortest(function)``: the seconds of the quickest of ten calls; they are held against others, not a limit.

    What a second is worth differs between machines, and from one moment to the next where workers share a processor.
    """

    def seconds(function: Callable[[], object]) -> float:
        durations = []
        for _ in range(10):
            start = time.perf_counter()
            function()
            durations.append(time.perf_counter() - start)
        return min(durations)

    return seconds


@pytest.fixture(scope="session")
def steadygraph() -> Callable[..., subprocess.CompletedProcess[str]]:
    """``steadygraph("analyze", file, cwd=...)`` runs the installed command and gives back what it printed.

    Further keywords are environment variables.
    """

    def run(*arguments: str | Path, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
        command = Path(sys.executable).with_name("steadygraph")
        environment = {**os.environ, **variables}
        return subprocess.run(
            [command, *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run


class Ran(NamedTuple):
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """``cli("analyze", "case.py")`` runs the command line in this process, in the directory that the test fills."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Ran:
        code = main(arguments)
        return Ran(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def once(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """``once("name", make)``: what ``make()`` returns, made once in a run of the tests, whichever worker asks first."""
    folder = tmp_path_factory.getbasetemp()
    if hasattr(request.config, "workerinput"):  # all workers of pytest-xdist see what is beside their folders
        folder = folder.parent

    def text(name: str, make: Callable[[], str]) -> str:
        file = folder / f"once-{name}"
        with Path(f"{file}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                made = make()
                file.write_text(made, encoding="utf-8")
        return file.read_text(encoding="utf-8")

    return text


class Demo(NamedTuple):
    """What ``make demo`` shows in a terminal of 80 columns, and its report as JSON."""

    exit_code: int
    shown: str
    errors: str
    report: str

    def case(self, name: str) -> CaseReport:
        """What is said of the target that is a file of this name."""
        from steadygraph.report.json.codec import from_json

        return next(case for case in from_json(self.report).cases if Path(case.target).name == name)


@pytest.fixture(scope="session")
def demo(
    steadygraph: Callable[..., subprocess.CompletedProcess[str]],
    once: Callable[..., str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Demo:
    pytest.importorskip("transformers")

    def analysed() -> str:
        (targets,) = re.findall(r"^DEMO := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        folder = tmp_path_factory.mktemp("demo")
        done = steadygraph("analyze", *targets.split(), "--report", folder, COLUMNS="80", NO_COLOR="1")
        report = (folder / "report.json").read_text(encoding="utf-8")
        return json.dumps([done.returncode, done.stdout, done.stderr, report])

    return Demo(*json.loads(once("demo.json", analysed)))
