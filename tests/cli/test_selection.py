"""``--select`` and ``--ignore``, and the keys of the same names in ``[tool.steadygraph]``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

Cli = Callable[..., tuple[int, str, str]]
Write = Callable[..., Path]

#: Two defects: the bool mask makes the host wait (SG402), and it is None at profile (SG101).
CASE = """
    import torch
    class Merge(torch.nn.Module):
        def forward(self, x, mask=None):
            if mask is not None:
                x = x.clone()
                x[mask] = x.new_zeros(2)
            return x * 2
    def build(): return Merge()
    def profile(): return (torch.ones(4),), {}
    def serving(): return {"image": ((torch.ones(4), torch.tensor([True, False, True, False])), {})}
"""


@pytest.fixture
def found(cli: Cli, write_case: Write) -> Callable[..., list[str]]:
    """``found("--select", "SG1", table="ignore = 'SG402'")``: codes of the rules that report."""
    write_case(CASE)

    def run(*options: str, table: str = "") -> list[str]:
        write_case(f"[tool.steadygraph]\n{table}\n", "pyproject.toml")
        _, out, err = cli("analyze", "case.py", "--format", "json", *options)
        assert err == ""
        return [finding["rule"] for finding in json.loads(out)["cases"][0]["findings"]]

    return run


@pytest.mark.parametrize("word", ["SG101", "sg101", "SG1", "input-structure", "none-at-profile"])
def test_rules_are_selected_by_code_prefix_kind_and_name(found: Callable[..., list[str]], word: str) -> None:
    assert found("--select", word) == ["SG101"]
    assert found(table=f"select = ['{word}']") == ["SG101"]


@pytest.mark.parametrize("word", ["SG101", "SG1", "input-structure", "none-at-profile"])
def test_rules_are_ignored_by_code_prefix_kind_and_name(found: Callable[..., list[str]], word: str) -> None:
    assert found("--ignore", word) == ["SG402"]
    assert found(table=f"ignore = '{word}'") == ["SG402"]


def test_the_command_line_replaces_what_the_file_says(found: Callable[..., list[str]]) -> None:
    assert found("--select", "SG4", table="select = ['SG1']\nignore = ['SG402']") == []
    assert found("--select", "SG1,SG4", "--ignore", "host-sync", table="select = ['SG4']") == ["SG101"]


def test_an_unknown_word_in_the_file_is_told_before_anything_is_analysed(cli: Cli, write_case: Write) -> None:
    write_case("1 / 0")
    write_case("[tool.steadygraph]\nselect = ['non-at-profile']\n", "pyproject.toml")

    assert cli("analyze", "case.py") == (
        2,
        "",
        "error: no rule has the code, kind or name 'non-at-profile'\n  hint: did you mean none-at-profile?\n",
    )
