"""``steadygraph budget`` and ``analyze --budget``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from ..conftest import Ran

Cli = Callable[..., Ran]
Write = Callable[..., Path]

MODEL = """
    import torch
    class Scale(torch.nn.Module):
        def forward(self, x, extra=None):
            return x * 2 if extra is None else x * 2 + extra
    def build(): return Scale()
    def profile(): return (torch.ones(3),), {}
"""
CASE = f"""{MODEL}
    def serving():
        return {{"text": ((torch.zeros(3),), {{}}), "extra": ((torch.zeros(3), torch.ones(3)), {{}})}}
"""
#: What is declared constant is looked at by no guard.
UNSEEN = """
    import torch
    LENGTHS = []
    @torch.compiler.assume_constant_result
    def length(): return LENGTHS[-1]
    class Reads(torch.nn.Module):
        def forward(self, x): return x * length()
    def build(): return Reads()
    def before(model, name): LENGTHS.append(len(name))
    def profile(): return (torch.ones(3),), {}
    def serving(): return {"other": ((torch.ones(3),), {})}
"""


def test_the_guard_that_matters_is_told_and_what_each_choice_lets_through(cli: Cli, write_case: Write) -> None:
    write_case(CASE)

    code, out, _ = cli("budget", "case.py", "--no-torch-filters", "--no-progress")

    assert code == 0
    said, table = out.split("\n\n")
    assert said.splitlines() == [
        "case.py (9 guards, 1 graph)",
        "  guards worth keeping: 1 of 9, and 1 of what is compiled again",
        "    extra is None (case.py:5)",
        "      stops extra",
        "    extra is a tensor as it was (dtype, device, strides, fixed sizes)",
        "      (case.py:5)",
        "      in what is compiled for extra: leaves profile and text to the entry of the",
        "        profile call",
    ]
    rows = [row.split() for row in table.splitlines()]
    through = {" ".join(row[:-4]): (row[-4], row[-1]) for row in rows[1:]}
    assert through["none"] == ("0", "extra")
    assert through["budget"] == ("1", "-")
    assert through["tensors of inputs"] == ("1", "extra")
    assert through["keep_tensor_guards_unsafe"] == ("1", "extra")
    assert through["all"] == ("9", "-")


def test_torchs_own_filters_are_run(cli: Cli, write_case: Write) -> None:
    write_case(CASE)

    code, out, _ = cli("analyze", "case.py", "--policy", "keep_tensor_guards_unsafe,skip_guard_eval_unsafe", "--quiet")

    assert code == 1
    assert out == "case.py: 1 error, 0 warnings, 0 notes\n"


def test_json_is_what_a_deployment_reads(cli: Cli, write_case: Write) -> None:
    write_case(CASE)

    code, out, _ = cli("budget", "case.py", "--no-torch-filters", "--no-progress", "--json", "-o", "budget.json")

    assert code == 0
    assert json.loads(out) == json.loads(Path("budget.json").read_text())
    assert [guard["guard"]["source"] for guard in json.loads(out)["budgets"][0]["budget"]["kept"]] == ["L['extra']"] * 2


def test_a_call_that_no_guard_can_tell_is_said_and_is_a_finding(cli: Cli, write_case: Write) -> None:
    write_case(UNSEEN)

    code, out, _ = cli("budget", "case.py", "--no-torch-filters", "--no-progress")

    assert code == 1
    assert "    not protected: other: it is no better where all guards are kept\n" in out


def test_a_target_that_fails_is_told_as_in_an_analysis(cli: Cli, write_case: Write) -> None:
    write_case("def build(): raise ValueError('no weights')\ndef profile(): return (), {}\ndef serving(): return {}")

    code, out, _ = cli("budget", "case.py", "--no-progress")

    assert code == 4
    assert "no weights" in out
    assert not Path("budget.json").exists()


def test_an_analysis_shows_the_budget_beside_the_other_policies(cli: Cli, write_case: Write) -> None:
    write_case(CASE)

    code, out, _ = cli("analyze", "case.py", "--budget", "--no-progress", "--report", "out")

    assert code == 1
    table = out.splitlines()
    assert table[1].split() == ["recompile", "drop", "budget"]
    assert table[3].split() == ["extra", "recompiles", "(1)", "silent-wrong", "(1)", "recompiles", "(1)"]
    assert "guards worth keeping: 1 of 9" in out
    assert "guards worth keeping: 1 of 9" in Path("out/report.html").read_text()
    report = json.loads(Path("out/report.json").read_text())
    assert report["cases"][0]["budget"]["wrong"] == ["extra"]
