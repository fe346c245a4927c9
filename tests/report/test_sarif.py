"""SARIF: valid against the official schema, and within what code scanning accepts."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import pytest
from hypothesis import given

from steadygraph.model import CaseReport, Finding, Kind, Location, LockChange, RuleProblem, Severity, SourceExcerpt
from steadygraph.model.run import IN_BASELINE, RunReport
from steadygraph.report.ci import sarif
from steadygraph.rule.packs import load_rules

from .hostile import ROOT, reports, thorough

DATA = Path(__file__).resolve().parent.parent / "data"
#: Of OASIS; it follows draft 4 of JSON schema.
VALIDATOR = jsonschema.Draft4Validator(json.loads((DATA / "sarif-schema-2.1.0.json").read_text(encoding="utf-8")))


def run_of(*cases: CaseReport, **fields: Any) -> dict[str, Any]:
    """The only run of a report, after a look at its form."""
    log = json.loads(sarif.render(RunReport(cases, {"python": "3.11.9"}, "0.1.0", **fields), ROOT))
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    return dict(run)


def located(case: CaseReport, path: str, line: int = 7, **fields: Any) -> CaseReport:
    """The case with one finding at this place."""
    finding = replace(case.findings[0], location=Location(path, line, "forward", "x = 1"), **fields)
    return replace(case, findings=(finding,))


def place(run: dict[str, Any]) -> tuple[str, int]:
    physical = run["results"][0]["locations"][0]["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


# --- every result has a place in the project ------------------------------------------------------


def test_a_result_stands_at_the_line_of_its_finding(broken: CaseReport) -> None:
    run = run_of(located(broken, "/srv/project/models/decoder.py", 41))

    assert place(run) == ("models/decoder.py", 41)


@pytest.mark.parametrize(
    "path",
    [
        "/opt/venv/lib/python3.11/site-packages/transformers/models/model.py",
        "/srv/project/.venv/lib/python3.11/site-packages/transformers/models/model.py",
        "/usr/lib/python3.11/functools.py",
        "/home/ada/elsewhere/model.py",
        "../beside/model.py",
        "<eval_with_key>.3",
        "",
    ],
)
def test_a_finding_outside_of_the_project_falls_back_to_the_class_of_the_model(broken: CaseReport, path: str) -> None:
    case = replace(located(broken, path), location=Location("/srv/project/models/mine.py", 12, "Decoder"))

    run = run_of(case)

    assert place(run) == ("models/mine.py", 12)


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        (".", "."),
        ("..", ".."),
        (".models", ".models"),
        ("models.decoder", "models/decoder.py"),
        ("models", "models.py"),
    ],
)
def test_a_directory_is_no_module(broken: CaseReport, target: str, uri: str) -> None:
    case = replace(located(broken, ""), target=target, regions=())

    assert place(run_of(case)) == (uri, 1)


def test_the_message_names_the_line_that_is_not_in_the_project(broken: CaseReport) -> None:
    run = run_of(located(broken, "/opt/venv/lib/python3.11/site-packages/transformers/model.py", 821))

    assert run["results"][0]["message"]["text"] == (
        "argument `kwargs['deepstack']` is None at profile, IntermediateTensors with 3 tensors at serving. "
        "Scenario image: silently wrong under drop, off by 0.59. "
        "The line is transformers/model.py:821, which is not a file of this project. "
        "Fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys, shapes and dtypes."
    )


@pytest.mark.parametrize(
    ("target", "uri"),
    [
        ("examples/broken.py", "examples/broken.py"),
        ("examples/broken.py:Decoder", "examples/broken.py"),
        ("/srv/project/examples/broken.py:Decoder", "examples/broken.py"),
        ("vllm.models.qwen:Decoder", "vllm/models/qwen.py"),
        ("my models/größe: 1%.py", "my%20models/gr%C3%B6%C3%9Fe%3A%201%25.py"),
        ("a:b/c.py", "a%3Ab/c.py"),
    ],
)
def test_without_a_class_in_the_project_a_result_stands_at_the_first_line_of_the_case(
    broken: CaseReport, target: str, uri: str
) -> None:
    case = replace(located(broken, "/usr/lib/python3.11/functools.py"), target=target)

    run = run_of(case)

    assert place(run) == (uri, 1)


def test_a_stored_report_has_its_results_at_the_same_places(broken: CaseReport) -> None:
    from steadygraph.report.json.codec import from_json, to_json

    case = replace(
        located(broken, "/opt/venv/lib/python3.11/site-packages/transformers/model.py"),
        location=Location("/srv/project/models/mine.py", 12, "Decoder"),
    )
    report = RunReport((case,), {"python": "3.11.9"}, "0.1.0")

    stored = from_json(to_json(report, ROOT))

    assert sarif.render(stored, ROOT) == sarif.render(report, ROOT)


def test_columns_come_from_the_source_lines_of_the_report(broken: CaseReport) -> None:
    excerpt = SourceExcerpt("/srv/project/model.py", 6, ("def forward(x):", "    x = 1  "))
    case = replace(located(broken, "/srv/project/model.py", 7), sources=(excerpt,))

    run = run_of(case)

    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 7, "startColumn": 5, "endLine": 7, "endColumn": 10, "snippet": {"text": "x = 1"}}


# --- what makes two results the same --------------------------------------------------------------


def fingerprints(run: dict[str, Any]) -> list[str]:
    return [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]


def test_a_fingerprint_survives_a_moved_line_and_another_message(broken: CaseReport) -> None:
    before = run_of(located(broken, "/srv/project/model.py", 41))
    after = run_of(located(broken, "/srv/project/model.py", 57, message="argument is None at profile"))

    assert fingerprints(before) == fingerprints(after)
    assert re.fullmatch(r"[0-9a-f]{16}:1", fingerprints(before)[0])


def test_two_results_never_have_one_fingerprint(broken: CaseReport) -> None:
    twice = replace(broken, findings=broken.findings * 2)

    run = run_of(twice, replace(broken, target="examples/other.py"))

    assert len(set(fingerprints(run))) == 6


# --- rules ----------------------------------------------------------------------------------------


def test_every_installed_rule_is_explained(broken: CaseReport) -> None:
    run = run_of(broken)

    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == [rule.code for rule in load_rules()]
    assert all(rule["help"]["markdown"].startswith("## What it finds\n\n") for rule in rules)
    assert all("``" not in rule["help"]["text"] for rule in rules)


def test_the_texts_of_rules_keep_to_the_limits_of_code_scanning(broken: CaseReport) -> None:
    rules = run_of(broken)["tool"]["driver"]["rules"]

    assert max(len(rule["name"]) for rule in rules) <= 255
    assert max(len(rule["shortDescription"]["text"]) for rule in rules) <= 1024
    assert max(len(rule["fullDescription"]["text"]) for rule in rules) <= 1024
    assert max(len(rule["properties"]["tags"]) for rule in rules) <= 20


def test_a_rule_that_is_no_longer_installed_has_its_name(broken: CaseReport) -> None:
    gone = replace(broken.findings[0], rule="XY1", name="gone", kind=Kind.STRIDE)

    run = run_of(replace(broken, findings=(gone,)))

    (rule,) = [rule for rule in run["tool"]["driver"]["rules"] if rule["id"] == "XY1"]
    assert rule == {
        "id": "XY1",
        "name": "gone",
        "properties": {"tags": ["stride"]},
        "shortDescription": {"text": "gone"},
        "fullDescription": {"text": "XY1 gone: this rule is not installed where the report was rendered."},
        "help": {"text": "XY1 gone: this rule is not installed where the report was rendered."},
    }
    assert run["tool"]["driver"]["rules"][run["results"][0]["ruleIndex"]] == rule


# --- the rest of a run ----------------------------------------------------------------------------


def test_an_accepted_finding_is_suppressed_and_comes_last(broken: CaseReport) -> None:
    accepted = replace(broken.findings[0], allowed="never asked for")

    run = run_of(replace(broken, findings=(accepted, broken.findings[1])))

    assert [result.get("suppressions") for result in run["results"]] == [
        None,
        [{"kind": "inSource", "status": "accepted", "justification": "never asked for"}],
    ]


def test_a_finding_of_the_baseline_is_suppressed_from_outside_of_the_source(broken: CaseReport) -> None:
    run = run_of(replace(broken, findings=(replace(broken.findings[0], allowed=IN_BASELINE),)))

    assert run["results"][0]["suppressions"] == [
        {"kind": "external", "status": "accepted", "justification": "it is in the baseline"}
    ]


@pytest.mark.parametrize("severity", Severity)
def test_a_level_is_the_severity(broken: CaseReport, severity: Severity) -> None:
    run = run_of(located(broken, "/srv/project/model.py", severity=severity))

    assert run["results"][0]["level"] == severity.value


def test_the_invocation_tells_what_has_no_result(broken: CaseReport, failed: CaseReport) -> None:
    noted = replace(
        broken,
        notes=("a pack is left out", "a remark"),
        rule_problems=(RuleProblem("XY", "a pack is left out"),),
        lock_changes=(LockChange("profile", "image"),),
    )

    run = run_of(noted, failed, interrupted=True)

    (invocation,) = run["invocations"]
    told = [(each["level"], each["message"]["text"]) for each in invocation["toolExecutionNotifications"]]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 130)
    assert told == [
        ("error", "The run was interrupted before all targets were analysed."),
        ("warning", "a pack is left out"),
        ("warning", "not as locked: image"),
        ("note", "a remark"),
        ("error", "examples/empty.py: failed (CaseError): examples/empty.py defines no profile()"),
    ]


def test_findings_are_no_failure_of_the_run(broken: CaseReport) -> None:
    (invocation,) = run_of(broken)["invocations"]

    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (True, 1)


def test_a_version_is_semantic_only_if_it_is(broken: CaseReport) -> None:
    released = json.loads(sarif.render(RunReport((broken,), {}, "0.1.0"), ROOT))["runs"][0]["tool"]["driver"]
    candidate = json.loads(sarif.render(RunReport((broken,), {}, "0.2.0rc1"), ROOT))["runs"][0]["tool"]["driver"]

    assert (released["version"], released["semanticVersion"]) == ("0.1.0", "0.1.0")
    assert (candidate["version"], candidate.get("semanticVersion")) == ("0.2.0rc1", None)


def test_of_too_many_findings_the_loudest_are_kept(broken: CaseReport, finding: Finding) -> None:
    quiet = replace(finding, severity=Severity.NOTE)
    many = replace(broken, findings=(quiet,) * 25_000 + (finding,) * 5)

    log = json.loads(sarif.render(RunReport((many,), {}, "0.1.0"), ROOT))

    results = log["runs"][0]["results"]
    (notification,) = log["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert [result["level"] for result in results] == ["error"] * 5 + ["note"] * 24_995
    assert notification["message"]["text"] == "5 findings left out: a run has 25,000 at most."


def test_a_message_holds_no_link_and_no_placeholder(broken: CaseReport) -> None:
    run = run_of(located(broken, "/srv/project/model.py", message="[a](http://x.org) and args[0](1) {0} {'k': 1}"))

    text = run["results"][0]["message"]["text"]
    assert text.startswith("[a] (http://x.org) and args[0] (1) {{0}} {'k': 1}. ")


@thorough
@given(reports)
def test_whatever_a_report_holds_its_sarif_is_accepted(report: RunReport) -> None:
    text = sarif.render(report, ROOT)

    log = json.loads(text)
    VALIDATOR.validate(log)
    assert text.isascii()
    (run,) = log["runs"]
    assert len(run["results"]) == len(report.findings)
    for result in run["results"]:
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        uri, region = physical["artifactLocation"]["uri"], physical["region"]
        # RFC 3986: a relative reference of these characters, without a scheme.
        assert re.fullmatch(r"[A-Za-z0-9._~/%-]+", uri)
        assert not uri.startswith("/")
        unquote(uri, errors="strict")
        assert 1 <= region["startLine"] == region["endLine"]
        assert 1 <= region["startColumn"] < region["endColumn"]
        assert result["message"]["text"].isprintable()
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] != ""
