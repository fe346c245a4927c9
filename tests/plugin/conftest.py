"""A project with case files, and sessions of pytest in it."""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., pytest.RunResult]

#: Wrong where guards are dropped, compiled again where they are kept: only for the call ``image``.
BROKEN = """
import torch


class Decoder(torch.nn.Module):
    def forward(self, x, image=None):
        if image is not None:
            x = x + image
        return x * 2


def build():
    return Decoder()


def profile():
    return (torch.ones(3),), {}


def serving():
    return {"text": ((torch.zeros(3),), {}), "image": ((torch.ones(3),), {"image": torch.ones(3)})}
"""
#: The same model, given zeros where there is no image.
STEADY = BROKEN.replace("(torch.ones(3),), {}", '(torch.ones(3),), {"image": torch.zeros(3)}').replace(
    "(torch.zeros(3),), {}", '(torch.zeros(3),), {"image": torch.zeros(3)}'
)
ITEMS = ["profile[recompile]", "profile[drop]", "text[recompile]", "text[drop]", "image[recompile]", "image[drop]"]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """That of a person in a terminal of 80 columns, in an environment with the plugin installed."""
    for name in ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS", "FORCE_COLOR", "PYTEST_XDIST_WORKER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    if not is_installed():
        monkeypatch.setenv("PYTEST_PLUGINS", "steadygraph.pytest_plugin")


def is_installed() -> bool:
    """Does pytest find the plugin by itself?"""
    return bool(importlib.metadata.entry_points(group="pytest11", name="steadygraph"))


@pytest.fixture
def cases(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with a case that holds and one that does not."""
    folder = pytester.mkdir("cases")
    (folder / "case_broken.py").write_text(BROKEN, encoding="utf-8")
    (folder / "case_steady.py").write_text(STEADY, encoding="utf-8")
    return pytester


@pytest.fixture
def run(pytester: pytest.Pytester) -> Run:
    """``run("--steadygraph", ...)`` is a session in this process; what is printed is in the result."""

    def session(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess("-p", "no:randomly", *arguments)

    return session


@pytest.fixture
def spawn(pytester: pytest.Pytester) -> Run:
    """The same in a process of its own."""

    def session(*arguments: str) -> pytest.RunResult:
        return pytester.runpytest_subprocess("-p", "no:randomly", *arguments)

    return session


def outcomes(result: pytest.RunResult) -> dict[str, str]:
    """``{"image[drop]": "FAILED"}`` of a session with ``-v`` about one file."""
    return {name.partition("::")[2]: word for name, word in every_outcome(result).items()}


def every_outcome(result: pytest.RunResult) -> dict[str, str]:
    """``{"cases/case_broken.py::image[drop]": "FAILED"}``; worker and group of pytest-xdist are left out."""
    lines = re.findall(r"^(?:\[gw\d+\] \[ *\d+%\] )?(.*?)(?: +\[ *\d+%\])?$", result.stdout.str(), re.MULTILINE)
    words = (sorted(line.split(), key=str.isupper) for line in lines if "::" in line)
    return {pair[0].partition("@")[0]: pair[1] for pair in words if len(pair) == 2 and pair[1].isupper()}


def section(result: pytest.RunResult, title: str) -> str:
    """The text below a headline of pytest, up to the next one, without times, and what is slow on a busy machine."""
    pattern = rf"^[=_]+ {re.escape(title)} [=_]+\n((?:(?![=_]{{4,}}).*\n)*)"
    (text,) = re.findall(pattern, result.stdout.str() + "\n", re.MULTILINE)
    text = re.sub(r"^slowest: .*\n", "", text, flags=re.MULTILINE)
    return re.sub(r"\d+\.\d s", "N s", text).rstrip("\n")


def document(folder: Path) -> Any:
    """The JSON report in a folder, without times."""
    found = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    for case in found["cases"]:
        case["duration_s"] = 0
    return found
