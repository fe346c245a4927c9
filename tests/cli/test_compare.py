"""``steadygraph compare``: what it prints, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import Ran
from .conftest import BROKEN, CLEAN

Write = Callable[..., Path]
Cli = Callable[..., Ran]


@pytest.fixture
def reports(cli: Cli, write_case: Write) -> tuple[Path, Path]:
    """A case without a defect, and what became of it."""
    for name, source in (("old.json", CLEAN), ("new.json", BROKEN)):
        file = write_case(source)
        cli("analyze", "case.py", "--format", "json", "--output", name)
    return file.parent / "old.json", file.parent / "new.json"


def test_a_model_that_broke_is_worse_and_the_repair_is_not(cli: Cli, reports: tuple[Path, Path]) -> None:
    code, out, err = cli("compare", "old.json", "new.json")
    back, told, _ = cli("compare", "new.json", "old.json")

    assert (code, err) == (1, "")
    assert [line.split()[0] for line in out.splitlines()[1:3]] == ["new", "changed"] or "  new     error" in out
    assert out.splitlines()[-1].startswith("1 case: ")
    assert back == 0
    assert "  gone    error" in told
    assert cli("compare", "old.json", "old.json")[0] == 0


def test_a_comparison_can_be_written_to_a_file(cli: Cli, reports: tuple[Path, Path]) -> None:
    code, out, err = cli("compare", "old.json", "new.json", "--format", "json", "--output", "changes.json")

    document = json.loads((reports[0].parent / "changes.json").read_text())
    assert (code, out, err) == (1, "", "")
    assert document["worse"] is True


def test_what_is_worse_can_be_chosen(cli: Cli, reports: tuple[Path, Path]) -> None:
    assert cli("compare", "old.json", "new.json", "--fail-on", "never")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("none.json", "none.json"),
            "error: cannot read none.json: No such file or directory\n  hint: name a report that --format json wrote\n",
        ),
        (
            ("foreign.json", "foreign.json"),
            "error: foreign.json: this JSON is not a report of steadygraph: it has no schema_version\n"
            "  hint: give a file that was written with --format json\n",
        ),
        (
            ("foreign.json", "foreign.json", "--format", "txt"),
            "error: unknown format 'txt'\n  hint: did you mean text?\n",
        ),
    ],
)
def test_what_cannot_be_compared_is_wrong_use(
    cli: Cli, tmp_path: Path, arguments: tuple[str, ...], problem: str
) -> None:
    (tmp_path / "foreign.json").write_text("{}")

    code, out, err = cli("compare", *arguments)

    assert (code, out, err) == (2, "", problem)
