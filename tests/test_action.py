"""The GitHub action and the pre-commit hook: their scripts are run as the runner would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Ran

ROOT = Path(__file__).resolve().parent.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
PROGRAMS = Path(sys.executable).parent
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"]}

CASE = """
import torch
class Double(torch.nn.Module):
    def forward(self, x, extra=None):
        return x * 2 if extra is None else x * 2 + extra
def build(): return Double()
def profile(): return (torch.ones(3),), {}
def serving(): return {"call": ((torch.zeros(3), %s), {})}
"""


#: In the place of the command: writes down what it was called with.
STAND_IN = """#!/bin/sh
printf '%s\\0' "$@" > arguments
"""


def script(step: str, folder: Path, programs: Path = PROGRAMS, **inputs: str) -> tuple[int, str]:
    """Exit code and standard output of one step, its expressions replaced by these inputs and the defaults.

    ``programs`` is the first folder in which commands are looked for.
    """
    values = {name: str(entry.get("default", "")) for name, entry in ACTION["inputs"].items()} | inputs
    environment = {
        name: values[expression.removeprefix("${{ inputs.").removesuffix(" }}")]
        for name, expression in STEPS[step]["env"].items()
    }
    runner = {"GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary")}
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[step]["run"]],
        cwd=folder,
        env={**os.environ, **environment, **runner, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "case_broken.py").write_text(CASE % "torch.ones(3)")
    (tmp_path / "cases" / "case_clean.py").write_text(CASE % "None")
    return tmp_path


def test_findings_are_annotated_summarised_and_left_to_the_last_step(cases: Path) -> None:
    code, out = script("Analyze", cases, targets="cases/*.py")

    assert code == 0
    assert (cases / "output").read_text() == "exit-code=1\n"
    assert [line for line in out.splitlines() if line.startswith("::error ")] != []
    assert "case_broken.py" in (cases / "summary").read_text()
    assert sorted(file.name for file in (cases / "steadygraph-report").iterdir()) == [
        "report.html",
        "report.json",
        "report.junit.xml",
        "report.md",
        "report.sarif",
    ]


def arguments(folder: Path, **inputs: str) -> list[str]:
    """What the command is called with."""
    stand_in = folder / "steadygraph"
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    script("Analyze", folder, programs=folder, **inputs)
    return (folder / "arguments").read_text().split("\0")[:-1]


def test_inputs_become_options(cases: Path, cli: Callable[..., Ran]) -> None:
    inputs = {"targets": "cases/case_broken.py", "policies": "recompile", "fail-on": "never", "report": "out"}

    ran = cli(*arguments(cases, **inputs))

    assert ran.code == 0
    assert (cases / "output").read_text() == "exit-code=0\n"
    assert '"policy": "drop"' not in (cases / "out" / "report.json").read_text()


def test_a_command_in_an_input_is_not_run(cases: Path) -> None:
    given = arguments(cases, targets="$(touch ran) `touch ran` ; touch ran", report="$(touch ran)")

    assert {"$(touch", "`touch", ";"} <= set(given)
    assert not (cases / "ran").exists()


def test_every_input_is_used_and_told() -> None:
    text = (ROOT / "action.yml").read_text(encoding="utf-8")

    assert [name for name in ACTION["inputs"] if f"inputs.{name}" not in text] == []
    assert [name for name, entry in ACTION["inputs"].items() if not entry.get("description")] == []
    assert [name for name, entry in ACTION["inputs"].items() if "default" not in entry] == ["targets"]


def test_the_hook_takes_the_case_files() -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))

    files = re.compile(hook["files"])
    assert hook["entry"].split()[:2] == ["steadygraph", "analyze"]
    assert [bool(files.search(name)) for name in ("case_a.py", "cases/case_b.py", "model.py", "my_case_a.py")] == [
        True,
        True,
        False,
        False,
    ]
