"""What tests of several parts share."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


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


@pytest.fixture(scope="session")
def demo(steadygraph: Callable[..., subprocess.CompletedProcess[str]]) -> subprocess.CompletedProcess[str]:
    """What ``make demo`` shows in a terminal of 80 columns."""
    pytest.importorskip("transformers")
    (targets,) = re.findall(r"^DEMO := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    return steadygraph("analyze", *targets.split(), COLUMNS="80", NO_COLOR="1")
