"""The JSON form: its shape, its schema, reading it again."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, Leak, Outcome, Policy, Result, ScenarioReport, Status, WrongInEager
from steadygraph.model.run import RunReport
from steadygraph.report.json.codec import from_json, to_json
from steadygraph.report.json.schema import SCHEMA_FILE, json_schema, schema_text


@pytest.fixture
def report(broken: CaseReport, repaired: CaseReport, failed: CaseReport) -> RunReport:
    environment = {"python": "3.11.9", "torch": "2.13.0+cpu", "platform": "Linux x86_64", "device": "cpu"}
    return RunReport((broken, repaired, failed), environment, "0.1.0")


#: The fields of the contract, in its order; a report may have more of them behind these.
CONTRACT: dict[str, list[str]] = {
    "report": ["schema_version", "tool", "environment", "cases", "summary"],
    "tool": ["name", "version"],
    "environment": ["python", "torch", "platform", "device"],
    "case": ["target", "status", "error", "duration_s", "regions", "scenarios", "findings"],
    "error": ["type", "message", "hint"],
    "region": ["name", "location", "guards", "graphs", "graph_breaks"],
    "scenario": ["name", "differences", "violated_guards", "graph", "outcomes"],
    "difference": ["path", "aspect", "profile", "serving"],
    "guard": ["source", "guard_type", "expected", "actual", "location", "matters"],
    "graph": ["same", "missing_inputs", "missing_ops", "extra_ops"],
    "outcome": ["policy", "backend", "result", "max_abs_error", "recompiles", "error", "predicted"],
    "finding": [
        "rule",
        "name",
        "kind",
        "severity",
        "scenario",
        "region",
        "consequence",
        "message",
        "location",
        "fix",
        "fingerprint",
    ],
    "location": ["path", "line", "function"],
    "summary": ["cases", "findings", "exit_code"],
    "counts": ["error", "warning", "note"],
}


def test_the_fields_are_those_of_the_contract_in_its_order(report: RunReport) -> None:
    value = json.loads(to_json(report))
    broken, _, failed = value["cases"]
    image = broken["scenarios"][2]
    parts = {
        "report": value,
        "tool": value["tool"],
        "environment": value["environment"],
        "case": broken,
        "error": failed["error"],
        "region": broken["regions"][0],
        "scenario": image,
        "difference": image["differences"][0],
        "guard": image["violated_guards"][0],
        "graph": image["graph"],
        "outcome": image["outcomes"][0],
        "finding": broken["findings"][0],
        "location": broken["findings"][0]["location"],
        "summary": value["summary"],
        "counts": value["summary"]["findings"],
    }

    assert {name: list(part)[: len(CONTRACT[name])] for name, part in parts.items()} == CONTRACT


def test_the_values_are_those_of_the_report(report: RunReport) -> None:
    value = json.loads(to_json(report))
    broken, _, failed = value["cases"]
    image = broken["scenarios"][2]

    assert value["schema_version"] == 1
    assert value["tool"] == {"name": "steadygraph", "version": "0.1.0"}
    assert [case["status"] for case in value["cases"]] == ["completed", "completed", "failed"]
    assert [scenario["name"] for scenario in broken["scenarios"]] == ["profile", "text", "image", "video"]
    assert image["graph"]["missing_ops"] == {"aten.add.Tensor": 3}
    assert image["graph"]["same"] is False
    assert image["outcomes"][1]["max_abs_error"] == 0.5932
    assert image["violated_guards"][0]["matters"] is True
    assert broken["findings"][0]["location"]["line"] == 41
    assert broken["error"] is None
    assert failed["error"]["hint"].startswith("add a function profile()")
    assert value["summary"]["findings"] == {"error": 2, "warning": 0, "note": 0}
    assert value["summary"]["exit_code"] == 2


def test_the_text_is_indented_as_json_usually_is(report: RunReport) -> None:
    text = to_json(report)

    assert text == json.dumps(json.loads(text), indent=2) + "\n"
    assert to_json(replace(report, cases=())).count('"cases": [],') == 1


def test_what_is_written_satisfies_the_schema(report: RunReport) -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())

    jsonschema.Draft202012Validator(json_schema()).validate(json.loads(to_json(report)))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda value: value.pop("summary"),
        lambda value: value.update(schema_version=2),
        lambda value: value["cases"][0].update(status="done"),
        lambda value: value["cases"][0]["findings"][0].pop("fingerprint"),
        lambda value: value["cases"][0]["scenarios"][2]["graph"].update(missing_ops=[]),
        lambda value: value["cases"][0]["scenarios"][2]["outcomes"][0].update(result="fine"),
    ],
)
def test_the_schema_refuses_what_is_not_a_report(report: RunReport, spoil: Callable[[Any], object]) -> None:
    value = json.loads(to_json(report))
    spoil(value)

    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(value)


def test_the_committed_schema_is_the_one_that_is_written() -> None:
    """After a change: python -m steadygraph.report.json.schema"""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text()


# --- round trip -----------------------------------------------------------------------------------


def test_a_report_is_read_as_it_was_written(report: RunReport) -> None:
    again = from_json(to_json(report))

    assert again == report
    assert to_json(again) == to_json(report)


@pytest.mark.parametrize("size", [float("inf"), float("nan")])
def test_an_error_that_is_not_finite_is_null_in_json_and_comes_back(report: RunReport, size: float) -> None:
    scenario = ScenarioReport("image", outcomes=(Outcome(Policy.DROP, "eager", Result.SILENT_WRONG, size),))
    strange = replace(report, cases=(replace(report.cases[0], scenarios=(scenario,)),))

    written = to_json(strange)

    outcome = json.loads(written, parse_constant=pytest.fail)["cases"][0]["scenarios"][0]["outcomes"][0]
    assert (outcome["max_abs_error"], outcome["non_finite_error"]) == (None, str(size))
    assert str(from_json(written).outcome("image", "drop").max_abs_error) == str(size)
    assert to_json(from_json(written)) == written


@pytest.mark.parametrize(("part", "field"), [("graph", "same"), ("outcomes", "recompiles"), ("findings", "message")])
def test_fields_of_the_contract_may_not_be_absent(report: RunReport, part: str, field: str) -> None:
    value = json.loads(to_json(report))
    case, image = value["cases"][0], value["cases"][0]["scenarios"][2]
    found = {"graph": image["graph"], "outcomes": image["outcomes"][0], "findings": case["findings"][0]}
    del found[part][field]

    assert not jsonschema.Draft202012Validator(json_schema()).is_valid(value)
    with pytest.raises(UsageError, match=rf"{part}.*{field}: Field required"):
        from_json(json.dumps(value))


def test_threshold_and_interruption_come_back(report: RunReport) -> None:
    stopped = replace(report, fail_on="never", interrupted=True)

    again = from_json(to_json(stopped))

    assert (again.fail_on, again.interrupted, again.exit_code) == ("never", True, 130)


def test_fields_of_a_later_release_are_passed_over(report: RunReport) -> None:
    value = json.loads(to_json(report))
    value["later"] = value["cases"][0]["later"] = value["cases"][0]["findings"][0]["later"] = 1

    assert from_json(json.dumps(value)) == report


def test_fields_that_came_after_the_first_release_may_be_absent(report: RunReport) -> None:
    """What the contract does not name can be left out by whoever writes a report."""
    value = json.loads(to_json(report))
    for case in value["cases"]:
        case.pop("notes")
        for finding in case["findings"]:
            for name in ("path", "profile", "serving"):
                finding.pop(name)

    assert from_json(json.dumps(value)).findings[0] == replace(report.findings[0], path="", profile="", serving="")


def test_two_runs_differ_in_nothing_but_the_duration(report: RunReport) -> None:
    slower = replace(report, cases=tuple(replace(case, duration_s=9.75) for case in report.cases))

    changed = [
        (ours.strip(), theirs.strip())
        for ours, theirs in zip(to_json(report).splitlines(), to_json(slower).splitlines(), strict=True)
        if ours != theirs
    ]

    assert changed == [
        ('"duration_s": 1.25,', '"duration_s": 9.75,'),
        ('"duration_s": 0.5,', '"duration_s": 9.75,'),
        ('"duration_s": 0.0,', '"duration_s": 9.75,'),
    ]


def test_the_order_of_hashes_does_not_show(tmp_path: Path) -> None:
    code = (
        "from steadygraph.model import *; from steadygraph.model.run import RunReport;"
        "from steadygraph.report.json.codec import to_json;"
        "print(to_json(RunReport((CaseReport('a', Status.COMPLETED, 0.0,"
        "scenarios=(ScenarioReport('s', graph=GraphChange(False, missing_ops=(('b', 1), ('a', 2)))),)),))))"
    )

    outputs = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, check=True, cwd=tmp_path
        ).stdout
        for seed in ("1", "2")
    }

    assert len(outputs) == 1


def test_the_text_is_ascii_and_ends_in_a_newline(report: RunReport) -> None:
    text = to_json(replace(report, tool_version="é\u2028\x7f\U0001f600"))

    assert text.isascii()
    assert text.endswith("}\n")
    assert json.loads(text)["tool"]["version"] == "é\u2028\x7f\U0001f600"


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            "the report is not JSON: line 1, column 1: Expecting value\n"
            "  hint: give a whole file that was written with --format json",
        ),
        (
            '{"schema_version": 1,\n "tool"',
            "the report is not JSON: line 2, column 8: Expecting ':' delimiter\n"
            "  hint: give a whole file that was written with --format json",
        ),
        (
            "[1, 2]",
            "this JSON is not a report of steadygraph: it has no schema_version\n"
            "  hint: give a file that was written with --format json",
        ),
        (
            '{"version": "2.1.0", "runs": []}',
            "this JSON is not a report of steadygraph: it has no schema_version\n"
            "  hint: give a file that was written with --format json",
        ),
        (
            '{"schema_version": 2}',
            "the report has schema version 2, this steadygraph reads 1\n"
            "  hint: read it with the version of steadygraph that wrote it, or analyse again",
        ),
        (
            '{"schema_version": "1"}',
            "the report has schema version '1', this steadygraph reads 1\n"
            "  hint: read it with the version of steadygraph that wrote it, or analyse again",
        ),
        (
            '{"schema_version": 1}',
            "this JSON is not a report of steadygraph: tool: Field required\n"
            "  hint: give a file that was written with --format json and not changed since",
        ),
    ],
)
def test_text_that_is_no_report_says_what_it_is(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_json(text)

    assert str(caught.value) == message


def test_a_changed_value_is_named_by_its_place(report: RunReport) -> None:
    value = json.loads(to_json(report))
    value["cases"][0]["findings"][1]["severity"] = "grave"

    with pytest.raises(UsageError) as caught:
        from_json(json.dumps(value))

    assert str(caught.value) == (
        "this JSON is not a report of steadygraph: cases[0].findings[1].severity: "
        "Input should be 'error', 'warning' or 'note'\n"
        "  hint: give a file that was written with --format json and not changed since"
    )


@pytest.mark.parametrize("text", ["[" * 100_000, '{"schema_version": ' + "9" * 10_000 + "}"])
def test_json_that_is_an_attack_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="the report cannot be read"):
        from_json(text)


@pytest.mark.parametrize("error", [math.inf, math.nan, 0.5, None])
def test_an_error_that_is_not_finite_is_a_word_wherever_one_stands(error: float | None) -> None:
    scenario = ScenarioReport("s", leak=Leak((), "", error), wrong_in_eager=WrongInEager("", error))
    text = to_json(RunReport((CaseReport("case.py", Status.COMPLETED, 0.0, scenarios=(scenario,)),)))

    (said,) = json.loads(text)["cases"][0]["scenarios"]
    (read,) = from_json(text).cases[0].scenarios

    word = {"inf": "inf", "nan": "nan"}.get(str(error))
    for value in (said["leak"], said["wrong_in_eager"]):
        assert (value["max_abs_error"], value["non_finite_error"]) == (None if word else error, word)
    assert read.leak is not None
    assert str(read.leak.max_abs_error) == str(error)
