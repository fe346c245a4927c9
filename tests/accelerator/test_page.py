"""The page on analysing without a GPU: its case gives what the page shows, and its Python runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from ..conftest import Ran

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "analyse-without-a-gpu.md").read_text(encoding="utf-8")


def block(note: str, language: str) -> str:
    (text,) = re.findall(rf"<!-- {note} -->\n```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(text)


def test_the_case_of_the_page_gives_the_output_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Ran]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    (tmp_path / "frames.py").write_text(block("file: frames.py", "python"), encoding="utf-8")
    _, *arguments = shlex.split(block("exit code: 1", "console").removeprefix("$ "))

    ran = cli(*arguments, "--no-progress")

    assert ran.code == 1, ran.err
    # How many guards torch makes depends on the version of Python.
    assert re.sub(r"\d+ guards", "N guards", ran.out) == re.sub(r"\d+ guards", "N guards", block("output", "text"))


def test_the_python_of_the_page_runs() -> None:
    (text,) = re.findall(r"```python\n(import torch\nfrom steadygraph.*?)```", PAGE, re.DOTALL)

    exec(text, {})

    assert torch.cuda.is_available() is False
