"""The template project: one case that holds, one that fails, one that its baseline accepts; on pytest 8 and 9."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.plugin.conftest import Run, document
from tests.test_readme import blocks

#: Where ``make`` installs pytest 8, with pytest-cov, pytest-randomly and pytest-timeout.
PYTEST_8 = Path(os.environ.get("PYTEST_8", Path(sys.prefix, "pytest-8")))
FAILED = {f"cases/case_image_is_lost.py::image[{policy}]" for policy in ("recompile", "drop")}

PAGE = Path("docs", "how-to", "use-with-pytest.md")

Session = Callable[..., "subprocess.CompletedProcess[str]"]
#: A session with all tests of the project, and the folder of its report.
Plain = tuple["subprocess.CompletedProcess[str]", Path]


@pytest.fixture
def project(repository: Path, tmp_path: Path) -> Path:
    return shutil.copytree(repository / "examples" / "pytest_project", tmp_path / "project")


@pytest.fixture(scope="module")
def session() -> Session:
    """``session(project, "-x", first_on_path=...)`` runs the tests of a project, as a person in its folder does."""

    def run(project: Path, *options: str, first_on_path: Path | None = None) -> subprocess.CompletedProcess[str]:
        search_path = [str(first_on_path)] if first_on_path else []
        search_path += [os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else []
        # What the project's own tests compile has torch warn that guards are slower with Python 3.13.0.
        calm = "ignore:Guards may run slower:RuntimeWarning"
        variables = {**os.environ, "PYTHONPATH": os.pathsep.join(search_path), "PYTHONWARNINGS": calm}
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options]
        return subprocess.run(command, cwd=project, env=variables, capture_output=True, text=True, check=False)

    return run


@pytest.fixture(scope="module")
def plain(session: Session, repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Plain:
    project = shutil.copytree(
        repository / "examples" / "pytest_project", tmp_path_factory.mktemp("template") / "project"
    )
    return session(project, "--steadygraph-report=plain"), project / "plain"


def failed(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE))


def test_one_case_holds_one_fails_and_one_is_known(plain: Plain, repository: Path) -> None:
    (shown,) = [text for _, text in blocks(repository / PAGE, "text")]

    done, _ = plain

    assert failed(done) == FAILED, done.stdout + done.stderr
    assert " 2 failed, 15 passed in " in done.stdout
    assert shown in done.stdout


def test_the_page_says_what_runs(
    session: Session, run: Run, project: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tests = [text for _, text in blocks(repository / PAGE, "python")]
    (configuration,) = [text for _, text in blocks(repository / PAGE, "toml")]
    commands = [line for _, text in blocks(repository / PAGE, "console") for line in text.splitlines()]
    for number, text in enumerate(tests):
        (project / f"test_page_{number}.py").write_text(text, encoding="utf-8")
    (project / "models" / "large").mkdir(parents=True)
    shutil.copy(project / "cases" / "case_steady.py", project / "models" / "large" / "stability.py")
    (project / "pyproject.toml").write_text(f"[tool.pytest.ini_options]\npythonpath = '.'\n{configuration}")

    monkeypatch.chdir(project)

    ran = session(project, *(f"test_page_{number}.py" for number in range(len(tests))))
    collected = run("--steadygraph", "--collect-only", "-q", "models")
    chosen = run(*shlex.split(commands[1])[2:])

    assert " 3 passed in " in ran.stdout, ran.stdout + ran.stderr
    assert "models/large/stability.py::image[drop]" in collected.outlines
    assert " 2 failed, 2 passed, 10 deselected in " in chosen.stdout.str(), chosen.stdout.str()


def test_it_is_the_same_under_pytest_8_among_other_plugins(session: Session, project: Path, plain: Plain) -> None:
    assert PYTEST_8.is_dir(), f"there is no {PYTEST_8}: make unit installs it"
    under_pytest_9, report = plain
    options = ("--cov=decoder", "--timeout=300", "--import-mode=importlib", "--steadygraph-report=among")

    done = session(project, *options, "-p", "randomly", first_on_path=PYTEST_8)

    assert "pytest-8." in done.stdout, done.stdout + done.stderr
    assert re.search(r"^plugins: (?=.*\bcov-)(?=.*\brandomly-)(?=.*\btimeout-)", done.stdout, re.MULTILINE)
    assert failed(done) == failed(under_pytest_9) == FAILED
    assert document(project / "among") == document(report)


def test_a_test_that_takes_too_long_stops_its_analysis(session: Session, project: Path) -> None:
    case = project / "cases" / "case_steady.py"
    slow = case.read_text(encoding="utf-8").replace("return Decoder()", "import time\n    time.sleep(60)")
    case.write_text(slow, encoding="utf-8")

    done = session(
        project, "--timeout=4", "cases/case_steady.py", "-k", "text", "-p", "no:randomly", first_on_path=PYTEST_8
    )

    assert " 1 failed, 1 skipped, 4 deselected in " in done.stdout, done.stdout + done.stderr
    assert done.stdout.count("the analysis was stopped: Timeout") == 1
