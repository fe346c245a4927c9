"""``--baseline`` and ``--update-baseline``: a ratchet that only a person can loosen."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ..conftest import Ran
from .conftest import BROKEN, CLEAN

Write = Callable[..., Path]
Cli = Callable[..., Ran]

UPDATE = ("--baseline", "base.json", "--update-baseline")


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


def test_accepted_findings_count_no_more_until_they_are_gone(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)
    assert cli("analyze", "case.py")[0] == 1

    code, _, err = cli("analyze", "case.py", *UPDATE)
    assert code == 0
    number = len(json.loads((tmp_path / "base.json").read_text())["cases"]["case.py"]["findings"])
    noun = "finding" if number == 1 else "findings"
    assert err == f"base.json accepts {number} {noun} ({number} more, 0 fewer)\n"

    code, out, err = cli("analyze", "case.py", "--baseline", "base.json")
    assert (code, err) == (0, "")
    assert f"  {number} {noun} {'is' if number == 1 else 'are'} in the baseline" in out

    write_case(CLEAN)
    code, out, _ = cli("analyze", "case.py", "--baseline", "base.json")
    assert code == 0
    assert "no longer occur" in out


def test_a_locked_case_fails_when_its_graph_changes(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN)
    assert cli("analyze", "case.py", *UPDATE, "--lock")[2] == (
        "base.json accepts 0 findings (0 more, 0 fewer), and locks 1 case\n"
    )
    assert cli("analyze", "case.py", "--baseline", "base.json")[0] == 0

    changed = CLEAN.replace("* 2", "* 3")
    assert changed != CLEAN
    write_case(changed)
    code, out, _ = cli("analyze", "case.py", "--baseline", "base.json")

    assert code == 1
    told = " ".join(out.split())
    assert "not as locked: the graph of the model in profile has changed: the model changed, torch did not" in told
    assert told.endswith(f"1 case, 0 errors, 0 warnings, 0 notes, {told.count('not as locked: ')} not as locked")


def test_an_update_with_the_same_findings_writes_the_same_file(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)
    cli("analyze", "case.py", *UPDATE, "--lock")
    first = (tmp_path / "base.json").read_bytes()

    cli("analyze", "case.py", *UPDATE)

    assert (tmp_path / "base.json").read_bytes() == first


def test_the_baseline_can_stand_in_the_configuration(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)
    cli("analyze", "case.py", *UPDATE)
    (tmp_path / "pyproject.toml").write_text('[tool.steadygraph]\nbaseline = "base.json"\n')

    assert cli("analyze", "case.py")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            ("--baseline", "none.json"),
            "error: there is no baseline none.json\n  hint: create it with --update-baseline\n",
        ),
        (
            ("--update-baseline",),
            "error: --update-baseline needs a file\n  hint: name it: --baseline steadygraph-baseline.json\n",
        ),
        (
            ("--baseline", "base.json", "--lock"),
            "error: --lock writes to the baseline\n  hint: give --update-baseline too; later runs compare anyway\n",
        ),
    ],
)
def test_wrong_use_is_told_before_anything_runs(
    cli: Cli, write_case: Write, arguments: tuple[str, ...], problem: str
) -> None:
    write_case("raise RuntimeError('ran')")

    assert cli("analyze", "case.py", *arguments) == (2, "", problem)


def test_a_baseline_is_never_written_in_ci(
    cli: Cli, write_case: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(BROKEN)
    monkeypatch.setenv("CI", "true")

    code, out, err = cli("analyze", "case.py", *UPDATE)

    assert (code, out) == (2, "")
    assert err == (
        "error: the baseline base.json is not updated in CI (the environment sets CI)\n"
        "  hint: run with --update-baseline on your own machine, review the file and commit it\n"
    )
    assert not (tmp_path / "base.json").exists()


def test_a_target_that_failed_keeps_what_was_accepted_of_it(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)
    cli("analyze", "case.py", *UPDATE)
    before = (tmp_path / "base.json").read_bytes()
    write_case("raise RuntimeError('broken')")

    code, _, _ = cli("analyze", "case.py", *UPDATE)

    assert code == 4
    assert (tmp_path / "base.json").read_bytes() == before
