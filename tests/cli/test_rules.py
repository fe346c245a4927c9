"""``steadygraph rules``."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from steadygraph.rule.packs import load_rules
from steadygraph.rule.text import explain, listing

Cli = Callable[..., tuple[int, str, str]]


def test_rules_are_listed_one_a_line(cli: Cli) -> None:
    code, out, err = cli("rules")

    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == [rule.code for rule in load_rules()]


def test_a_rule_is_explained_by_its_code_and_by_its_name(cli: Cli) -> None:
    rule = load_rules()[0]

    by_code, by_name = cli("rules", rule.code.lower()), cli("rules", rule.name)

    assert by_code == by_name == (0, explain(rule), "")


def test_a_prefix_of_codes_lists_its_rules(cli: Cli) -> None:
    family = tuple(rule for rule in load_rules() if rule.code.startswith("SG2"))

    assert cli("rules", "SG2") == (0, listing(family), "")


@pytest.mark.parametrize("columns", ["80", "200"])
def test_a_terminal_gets_lines_that_fit_into_it(cli: Cli, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", columns)

    assert cli("rules") == (0, listing(load_rules(), int(columns)), "")
    assert cli("rules", "SG101") == (0, explain(load_rules()[0], int(columns)), "")


def test_a_name_that_is_also_a_kind_is_explained(cli: Cli) -> None:
    code, out, _ = cli("rules", "missing-guard")

    assert (code, out.splitlines()[0]) == (0, "SG304 missing-guard (missing-guard)")
