"""What a suite names, and what is said of one that names nothing."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from steadygraph.errors import SteadygraphError
from steadygraph.sweep import installed, suites

from ..conftest import Ran

Cli = Callable[..., Ran]


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """``models/case_a.py``, ``models/deep/case_b.py``, ``pack/case_c.py`` in a package, ``single.py``."""
    for name in ("models/case_a.py", "models/deep/case_b.py", "models/other.py", "pack/__init__.py", "pack/case_c.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    (tmp_path / "single.py").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def targets(*texts: str) -> list[str]:
    return [request.target for request in suites.resolved(texts).requests]


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["models"], ["models/case_a.py", "models/deep/case_b.py"]),
        (["models/*.py"], ["models/case_a.py", "models/other.py"]),
        (["models/**/case_*.py"], ["models/case_a.py", "models/deep/case_b.py"]),
        (["mod*"], ["models/case_a.py", "models/deep/case_b.py"]),
        (["single"], ["single"]),
        (["pack"], ["pack/case_c.py"]),
        (["pack.case_c"], ["pack.case_c"]),
        (["torch.nn:Linear"], ["torch.nn:Linear"]),
        (["models/case_a.py", "./models/case_a.py", "models"], ["models/case_a.py", "models/deep/case_b.py"]),
    ],
    ids=" ".join,
)
def test_a_suite_is_a_glob_a_directory_a_module_or_a_target(there: Path, texts: list[str], found: list[str]) -> None:
    assert targets(*texts) == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("transfomers", "there is no suite 'transfomers'\n  hint: did you mean transformers?"),
        ("modls", "there is no suite 'modls'\n  hint: did you mean models?"),
        ("models/x*.py", "no case file matches 'models/x*.py'\n  hint: models has case_a.py, other.py"),
        ("modls/*.py", "no case file matches 'modls/*.py'\n  hint: there is no directory modls"),
        ("models/case_b.py", "models/case_b.py: no such file\n  hint: did you mean case_a.py?"),
    ],
)
def test_a_suite_that_names_nothing_is_told_with_what_may_be_meant(there: Path, text: str, said: str) -> None:
    with pytest.raises(SteadygraphError) as caught:
        targets(text)

    assert str(caught.value) == said


def installed_as(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    entries = [EntryPoint("mine", value, installed.GROUP)]
    monkeypatch.setattr(installed, "entry_points", lambda group: entries)


def test_an_installed_suite_is_listed_in_a_process_of_its_own(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (there / "my_suite.py").write_text(
        "import sys\nPRELOAD = ['json']\nprint('a line of theirs')\n"
        "def targets():\n    yield 'single'\n    yield 'torch.nn:Linear', 'single.py'\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(there)
    installed_as(monkeypatch, "my_suite:targets")

    found = suites.resolved(["mine"])

    assert [(one.target, one.case_file) for one in found.requests] == [
        ("single", None),
        ("torch.nn:Linear", Path("single.py")),
    ]
    assert found.preload == ("json",)


def test_an_installed_suite_that_fails_is_wrong_use(there: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed_as(monkeypatch, "no_such_module:targets")

    with pytest.raises(SteadygraphError) as caught:
        targets("mine")

    assert str(caught.value) == (
        "the suite mine (no_such_module:targets) cannot be listed: "
        "ModuleNotFoundError: No module named 'no_such_module'\n"
        "  hint: install what the suite is for, or update the package that it comes from"
    )
