"""``ALLOW``: what a case accepts, what it cannot, and what that changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from steadygraph.case.case import Case
from steadygraph.errors import CaseError
from steadygraph.model import Consequence, Finding, Kind, Severity
from steadygraph.rule.allow import Allowance, allowances, applied, unused
from steadygraph.rule.packs import LoadedRules, PackProblem, load_packs

PACKS = load_packs()
BROKEN = LoadedRules(PACKS.rules, (PackProblem("acme = acme:RULES", "it cannot be imported: ValueError: no"),))
SCENARIOS = ("profile", "image", "video")


def finding(rule: str, scenario: str) -> Finding:
    return Finding(
        rule=rule,
        name="name",
        kind=Kind.DTYPE,
        severity=Severity.WARNING,
        scenario=scenario,
        region="",
        consequence=Consequence.SLOW,
        message="It is slow.",
        location=None,
        fix="",
        fingerprint=f"{rule} {scenario}",
    )


def complaint(action: Callable[[], object]) -> str:
    with pytest.raises(CaseError) as caught:
        action()
    return str(caught.value)


# --- reading -------------------------------------------------------------------------------------------------


def test_rules_are_named_by_code_or_name_and_all_scenarios_come_last() -> None:
    table = {"*": {"sg204": "a"}, "profile": {"graph-break": "b"}, "image": {"SG101": "c"}}

    found = allowances(table, SCENARIOS, PACKS)

    assert found == (
        Allowance("profile", "SG401", "b"),
        Allowance("image", "SG101", "c"),
        Allowance("*", "SG204", "a"),
    )


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (
            {"imgae": {"SG204": "x"}},
            "ALLOW of case.py names a scenario 'imgae' that the case does not have\n  hint: did you mean image?",
        ),
        (
            {"zzz": {}},
            "ALLOW of case.py names a scenario 'zzz' that the case does not have\n"
            "  hint: scenarios are profile, image, video, *",
        ),
        (
            {"image": {"SG1O1": "x"}},
            "ALLOW of case.py names a rule 'SG1O1' that does not exist\n  hint: did you mean SG101 or SG211?",
        ),
        (
            {"*": {"none-at-profil": "x"}},
            "ALLOW of case.py names a rule 'none-at-profil' that does not exist\n  hint: did you mean none-at-profile?",
        ),
        (
            {"*": {"zzz!": "x"}},
            "ALLOW of case.py names a rule 'zzz!' that does not exist\n  hint: `steadygraph rules` lists all rules",
        ),
        (
            {"*": {"SG4": "x"}},
            "ALLOW of case.py names 'SG4', which is no single rule\n"
            "  hint: name what is accepted by its code: SG401, SG402, SG403, SG404, SG405",
        ),
        (
            {"*": {"stale-state": "x"}},
            "ALLOW of case.py names 'stale-state', which is no single rule\n"
            "  hint: name what is accepted by its code: SG603, SG604",
        ),
    ],
)
def test_an_unknown_scenario_or_rule_is_an_error_with_the_near_miss(
    table: Mapping[str, Mapping[str, str]], said: str
) -> None:
    assert complaint(lambda: allowances(table, SCENARIOS, PACKS, label="ALLOW of case.py")) == said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (["SG204"], "ALLOW is a list, not a dict\n  hint: {form}"),
        ({3: {}}, "ALLOW names a scenario 3, which is no text\n  hint: {form}"),
        ({"image": ["SG204"]}, "ALLOW has a list, not a dict, for 'image'\n  hint: {form}"),
        ({"image": {204: "x"}}, "ALLOW names a rule 204, which is no text\n  hint: {form}"),
        (
            {"image": {"SG204": " "}},
            "ALLOW gives no reason for 'SG204' in 'image'\n  hint: say in a few words why it is accepted",
        ),
        (
            {"image": {"SG204": True}},
            "ALLOW gives no reason for 'SG204' in 'image'\n  hint: say in a few words why it is accepted",
        ),
    ],
)
def test_a_table_of_another_form_is_an_error_before_anything_runs(table: Any, said: str) -> None:
    def case() -> Case:
        return Case(build=lambda: None, profile=lambda: None, serving=lambda: None, allow=table)

    form = 'write {"scenario or *": {"SG204": "why it is accepted"}}'
    assert complaint(case) == said.replace("{form}", form)


# --- judging -------------------------------------------------------------------------------------------------


def test_a_finding_is_accepted_in_the_scenario_that_is_named() -> None:
    findings = (finding("SG101", "image"), finding("SG101", "video"), finding("SG102", "image"))

    found = applied(findings, (Allowance("image", "SG101", "zeros are enough"),))

    assert [one.allowed for one in found] == ["zeros are enough", None, None]


def test_what_holds_for_one_scenario_goes_before_what_holds_for_all() -> None:
    findings = (finding("SG101", "image"), finding("SG101", "profile"))

    found = applied(findings, allowances({"*": {"SG101": "all"}, "image": {"SG101": "one"}}, SCENARIOS, PACKS))

    assert [one.allowed for one in found] == ["one", "all"]


def test_an_entry_that_no_finding_needs_is_told() -> None:
    accepted = (Allowance("image", "SG101", "x"), Allowance("video", "SG101", "x"), Allowance("*", "SG102", "x"))

    found = unused((finding("SG101", "image"),), accepted, asked={"SG101", "SG102"})

    assert found == (
        "ALLOW accepts SG101 in video, and there is no such finding: take it out",
        "ALLOW accepts SG102 in any scenario, and there is no such finding: take it out",
    )


def test_an_entry_of_a_rule_that_was_not_asked_is_not_told() -> None:
    assert unused((), (Allowance("image", "SG101", "x"),), asked={"SG102"}) == ()


def test_a_rule_that_a_missing_pack_may_have_is_no_error_and_told() -> None:
    found = allowances({"image": {"ACME1": "x"}}, SCENARIOS, BROKEN)

    assert unused((), found, asked={"SG101"}) == (
        "ALLOW accepts ACME1 in image, and no rule of this name could be loaded",
    )


# --- the whole command -----------------------------------------------------------------------------------------

CASE = """
    import torch
    class Double(torch.nn.Module):
        def forward(self, x, extra=None):
            return x * 2 if extra is None else x * 2 + extra
    def build(): return Double()
    def profile(): return (torch.ones(3),), {}
    def serving(): return {"extra": ((torch.zeros(3), torch.ones(3)), {})}
"""
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def analyzed(
    write_case: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    """``analyzed(ALLOW, *options)``: exit code, standard output and standard error of the analysis of one case."""
    from steadygraph.cli.main import main

    def run(allow: Mapping[str, Mapping[str, str]], *options: str) -> tuple[int, str, str]:
        monkeypatch.chdir(write_case(f"{CASE}    ALLOW = {allow!r}\n").parent)
        code = main(("analyze", "case.py", *options))
        return code, *capfd.readouterr()

    return run


def test_an_accepted_finding_changes_no_exit_code_and_no_count(analyzed: Run) -> None:
    code, out, err = analyzed({"extra": {"SG101": "no such request comes"}}, "--format", "json")

    report = json.loads(out)
    assert (code, err) == (0, "")
    assert [(f["rule"], f["allowed"]) for f in report["cases"][0]["findings"]] == [("SG101", "no such request comes")]
    assert report["summary"]["findings"] == {"error": 0, "warning": 0, "note": 0}
    assert (report["summary"]["accepted"], report["summary"]["exit_code"]) == (1, 0)


def test_accepted_findings_and_unused_entries_are_shown(analyzed: Run) -> None:
    code, out, _ = analyzed({"*": {"none-at-profile": "no such request comes"}, "extra": {"SG401": "x"}})

    _, _, below = out.partition("\n")
    assert code == 0
    assert below == (
        "         recompile       drop\n"
        "  extra  recompiles (1)  silent-wrong (1)\n"
        "\n"
        "  accepted SG101 none-at-profile [extra]: no such request comes\n"
        "  no other findings\n"
        "  ALLOW accepts SG401 in extra, and there is no such finding: take it out\n"
        "\n"
        "1 case, 0 errors, 0 warnings, 0 notes, 1 accepted\n"
    )


def test_one_line_per_case_tells_that_findings_are_accepted(analyzed: Run) -> None:
    code, out, _ = analyzed({"extra": {"SG101": "no such request comes"}}, "--quiet")

    assert (code, out) == (0, "case.py: 0 errors, 0 warnings, 0 notes, 1 accepted\n")


def test_a_wrong_entry_ends_with_2(analyzed: Run) -> None:
    assert analyzed({"extar": {"SG101": "x"}}) == (
        2,
        "",
        "error: case.py: ALLOW of case.py names a scenario 'extar' that the case does not have\n"
        "  hint: did you mean extra?\n",
    )


def test_a_rule_that_was_left_out_leaves_its_entry_without_a_note(analyzed: Run) -> None:
    code, out, _ = analyzed({"extra": {"SG101": "no such request comes"}}, "--ignore", "SG101", "--format", "json")

    (case,) = json.loads(out)["cases"]
    assert (code, case["findings"], case["notes"]) == (0, [], [])
