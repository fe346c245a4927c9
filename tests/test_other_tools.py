"""The page that holds steadygraph beside other tools shows what these print."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from .test_readme import ROOT, blocks

PAGE = ROOT / "docs" / "explanation" / "beside-other-tools.md"
OUTPUTS = {note.removeprefix("output: "): text for note, text in blocks(PAGE, "text")}


def printed(command: str, folder: Path) -> str:
    """Without the front of log lines, and without the folder, of which torch shows the end."""
    words = shlex.split(command)
    settings = dict(word.split("=") for word in words if "=" in word)
    arguments = [word for word in words if "=" not in word]
    program = {"python": [sys.executable], "steadygraph": [sys.executable, "-m", "steadygraph"]}[arguments[0]]
    done = subprocess.run(
        [*program, *arguments[1:]],
        cwd=folder,
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    text = re.sub(r"^.*?\[__\w+\] ", "", done.stdout + done.stderr, flags=re.MULTILINE)
    return re.sub(r"\S*/(?=\w+\.py)", "", text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for note, text in blocks(PAGE, "python"):
        (tmp_path / note.removeprefix("file: ")).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_has_outputs_to_hold_against_what_is_printed() -> None:
    assert len(OUTPUTS) == 2


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_tool_prints_what_the_page_shows(command: str, folder: Path) -> None:
    assert OUTPUTS[command] in printed(command, folder)


def test_of_a_deployment_that_drops_its_guards_the_log_of_torch_says_nothing(folder: Path) -> None:
    assert printed("TORCH_LOGS=recompiles python dropped.py", folder) == ""
