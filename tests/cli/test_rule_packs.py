"""Packs of other people: what fails is named and left out, and nothing else is lost."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import BROKEN

Install = Callable[[str], None]
Run = Callable[..., tuple[int, dict[str, Any], str]]

#: A rule that reports every scenario, or does something else.
PACK = """
    from steadygraph.model import Consequence, Kind
    from steadygraph.rule import Rule

    class Extra(Rule):
        code = "{code}"
        name = "extra-thing"
        kind = Kind.HOST_SYNC

        def check(self, evidence):
            {check}

    RULES = (Extra(),)
"""
SLOW = 'yield self.finding(evidence, "It is slow.", path="x", consequence=Consequence.SLOW, fix="Wait.")'
LEFT_OUT = "rules of extra = extra_rules:RULES are left out: "
IMPORT = f"{LEFT_OUT}it cannot be imported: ZeroDivisionError: division by zero"
RAISED = "rule EX1 failed on profile, extra: KeyError: 'x'"


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """``install(text)`` makes a pack of this module, as an installer leaves it, on ``sys.path``."""
    site = tmp_path / "site"
    metadata = site / "extra_rules-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: extra-rules\nVersion: 1.0\n", encoding="utf-8")
    (metadata / "entry_points.txt").write_text("[steadygraph.rules]\nextra = extra_rules:RULES\n", encoding="utf-8")
    monkeypatch.syspath_prepend(site)

    def install(text: str) -> None:
        (site / "extra_rules.py").write_text(textwrap.dedent(text), encoding="utf-8")

    yield install
    sys.modules.pop("extra_rules", None)


@pytest.fixture
def analyze(cli: Callable[..., tuple[int, str, str]], write_case: Callable[..., Path]) -> Run:
    """``analyze("--select", "SG1")``: exit code, the only case of the report, and standard error."""
    write_case(BROKEN)

    def run(*options: str) -> tuple[int, dict[str, Any], str]:
        code, out, err = cli("analyze", "case.py", "--format", "json", *options)
        return code, json.loads(out)["cases"][0], err

    return run


def codes(case: dict[str, Any]) -> list[tuple[str, str]]:
    return [(finding["scenario"], finding["rule"]) for finding in case["findings"]]


def test_rules_of_another_pack_report_beside_the_built_in_ones(install: Install, analyze: Run) -> None:
    install(PACK.format(code="EX1", check=SLOW))

    code, case, err = analyze("--select", "SG1,extra-thing")

    assert (code, err, case["notes"]) == (1, "", [])
    assert codes(case) == [("extra", "SG101"), ("profile", "EX1"), ("extra", "EX1")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 / 0", IMPORT),
        ("raise SystemExit(7)", f"{LEFT_OUT}it cannot be imported: SystemExit: 7"),
        (PACK.format(code="SG101", check=SLOW), f"{LEFT_OUT}code SG101 of Extra is taken"),
    ],
    ids=["raises", "exits", "taken"],
)
def test_a_pack_that_cannot_be_used_is_named_and_the_exit_code_is_that_of_the_findings(
    install: Install, analyze: Run, text: str, message: str
) -> None:
    install(text)

    code, case, err = analyze()

    assert (code, err) == (1, f"warning: {message}\n")
    assert (codes(case), case["notes"]) == ([("extra", "SG101")], [message])
    assert [(p["rule"], p["selected"]) for p in case["rule_problems"]] == [("extra = extra_rules:RULES", False)]


@pytest.mark.parametrize(
    ("text", "select", "message", "found"),
    [
        ("1 / 0", "SG1,EX1", f"{IMPORT}; EX1 may be one of them", [("extra", "SG101")]),
        ("1 / 0", "EX1", f"{IMPORT}; EX1 may be one of them", []),
        (
            PACK.format(code="SG101", check=SLOW),
            "SG1,extra-thing",
            f"{LEFT_OUT}code SG101 of Extra is taken",
            [("extra", "SG101")],
        ),
    ],
    ids=["raises", "raises alone", "taken"],
)
def test_a_pack_that_was_asked_for_and_cannot_be_used_ends_with_3(
    install: Install, analyze: Run, text: str, select: str, message: str, found: list[tuple[str, str]]
) -> None:
    install(text)

    code, case, err = analyze("--select", select, "--quiet")

    assert (code, err) == (3, f"error: {message}\n")
    assert (codes(case), case["notes"]) == (found, [message])


def test_a_rule_that_raises_is_named_and_the_others_report(install: Install, analyze: Run) -> None:
    install(PACK.format(code="EX1", check='raise KeyError("x")'))

    code, case, err = analyze()

    assert (code, err) == (1, f"warning: case.py: {RAISED}\n")
    assert (codes(case), case["notes"]) == ([("extra", "SG101")], [RAISED])


def test_a_rule_that_was_asked_for_and_raises_ends_with_3(install: Install, analyze: Run) -> None:
    install(PACK.format(code="EX1", check='raise KeyError("x")'))

    code, case, err = analyze("--select", "EX1", "--select", "SG101")

    assert (code, err) == (3, f"error: case.py: {RAISED}\n")
    assert (codes(case), case["notes"]) == ([("extra", "SG101")], [RAISED])


def test_a_rule_that_was_left_out_cannot_fail(install: Install, analyze: Run) -> None:
    install(PACK.format(code="EX1", check='raise KeyError("x")'))

    code, case, err = analyze("--ignore", "EX1")

    assert (code, err, case["notes"]) == (1, "", [])


def test_without_a_missing_pack_an_unknown_word_is_wrong_use(
    install: Install, cli: Callable[..., tuple[int, str, str]], write_case: Callable[..., Path]
) -> None:
    install(PACK.format(code="EX1", check=SLOW))
    write_case("1 / 0")

    assert cli("analyze", "case.py", "--select", "EX2") == (
        2,
        "",
        "error: no rule has the code, kind or name 'EX2'\n  hint: did you mean EX1?\n",
    )


def test_the_list_of_rules_names_a_pack_that_is_missing(
    install: Install, cli: Callable[..., tuple[int, str, str]]
) -> None:
    install("1 / 0")

    code, out, err = cli("rules", "SG1")

    assert (code, err) == (0, f"warning: {IMPORT}\n")
    assert [line.split()[0] for line in out.splitlines()] == ["SG101", "SG102", "SG103", "SG104"]


NAMES = "violated_guards", "serving", "profile", "outcomes", "regions"


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        ("import os; os._exit(0)", "it ended its process with exit code 0"),
        ("import os; os.abort()", "it ended its process by signal SIGABRT"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("return [1]", "TypeError: check() yielded int, not Finding"),
    ],
)
def test_a_rule_that_ends_its_process_has_failed_and_the_others_report(
    install: Install, analyze: Run, check: str, problem: str
) -> None:
    install(PACK.format(code="EX1", check=check))

    code, case, err = analyze()

    told = f"rule EX1 failed on profile, extra: {problem}"
    assert (code, err) == (1, f"warning: case.py: {told}\n")
    assert (codes(case), case["notes"]) == ([("extra", "SG101")], [told])


@pytest.mark.parametrize(
    "check",
    [
        f"[object.__setattr__(evidence, name, None) for name in {NAMES}]; return iter(())",
        'print("out"); import os; os.system("echo shell"); os.write(1, b"raw"); return iter(())',
        'import steadygraph_rules as r; [setattr(type(x), "check", None) for x in r.RULES]; return iter(())',
        '[object.__setattr__(one, "matters", False) for one in evidence.violated_guards]; return iter(())',
    ],
    ids=["changes the evidence", "prints", "changes other rules", "changes a guard"],
)
def test_what_a_rule_changes_or_prints_nobody_else_sees(install: Install, analyze: Run, check: str) -> None:
    install(PACK.format(code="EX1", check=check))

    code, case, err = analyze()

    assert (code, err) == (1, "")
    assert codes(case) == [("extra", "SG101")]


def test_what_is_left_of_a_finding_is_plain(install: Install, analyze: Run) -> None:
    made = (
        'class S(str): pass; yield self.finding(evidence, S("a"), path=S("x"), consequence=Consequence.SLOW, fix="b")'
    )
    install(PACK.format(code="EX1", check=made.replace("class S(str): pass; ", 'S = type("S", (str,), {}); ')))

    code, case, err = analyze("--select", "EX1")

    assert (code, err) == (1, "")
    assert [finding["message"] for finding in case["findings"]] == ["a", "a"]


def test_a_built_in_rule_that_fails_is_an_error_of_steadygraph(
    cli: Callable[..., tuple[int, str, str]], write_case: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import steadygraph_rules

    def check(self: object, evidence: object) -> None:
        raise KeyError("x")

    write_case(BROKEN)
    assert cli("analyze", "case.py", "--record", "recording.json", "--quiet")[0] == 1
    monkeypatch.setattr(type(steadygraph_rules.RULES[0]), "check", check)

    code, _, err = cli("judge", "recording.json", "--quiet")

    assert (code, err) == (3, "error: case.py: rule SG101 failed on profile, extra: KeyError: 'x'\n")
