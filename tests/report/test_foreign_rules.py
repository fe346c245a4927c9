"""Findings of rules that know nothing of how they are shown: what they say is told in every format."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from steadygraph.model import (
    CaseReport,
    Consequence,
    Evidence,
    Finding,
    GraphChange,
    Kind,
    Outcome,
    Policy,
    Result,
    ScenarioReport,
    Status,
)
from steadygraph.model.run import RunReport
from steadygraph.report.formats import renderer
from steadygraph.report.json.codec import from_json, to_json
from steadygraph.rule import Message, Rule
from steadygraph.rule.judge import judge

PATH, PROFILE, SERVING = "batch.rope", "theta 1e4", "theta 1e6"
MESSAGES = (
    "the table is another one at serving",
    "at serving: rope; at profile: none",
    "rope, which is a table: changed, and nobody sees it; at serving",
    "`rope changed; at serving",
    "a ``b`` `c; d` (e: f (g",
    ")) rope at profile, rope at serving ((",
    f"only {PATH} at serving",
    f"{PATH} is not {PROFILE}",
    "batch.ropes is theta 1e45 and theta 1e67",
    "x",
)
OUTCOMES = (
    Outcome(Policy.RECOMPILE, "eager", Result.RECOMPILES, recompiles=1),
    Outcome(Policy.DROP, "eager", Result.SILENT_WRONG, 0.5),
    Outcome(Policy.DROP, "inductor", Result.SAME),
)
LACKS = GraphChange(False, (PATH,), (("add", 2),))


class Foreign(Rule):
    """Says what it is told to say."""

    code = "XX1"
    name = "foreign"
    kind = Kind.DTYPE

    def __init__(self, message: Message, consequence: Consequence) -> None:
        self.message = message
        self.consequence = consequence

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        yield self.finding(
            evidence,
            self.message,
            path=PATH,
            consequence=self.consequence,
            fix="Keep one table.",
            profile=PROFILE,
            serving=SERVING,
        )


def found(message: Message, consequence: Consequence = Consequence.SILENT_WRONG) -> Finding:
    evidence = Evidence("image", (), (), (), graph=LACKS, outcomes=OUTCOMES)
    (finding,) = judge(evidence, [Foreign(message, consequence)]).findings
    return finding


def report_of(*findings: Finding) -> RunReport:
    scenario = ScenarioReport("image", graph=LACKS, outcomes=OUTCOMES)
    return RunReport((CaseReport("case.py", Status.COMPLETED, 1.0, scenarios=(scenario,), findings=findings),))


def messages_of(name: str, text: str) -> str:
    """What a reader of this format sees of the findings, on one line, without what the format puts around it."""
    if name == "sarif":
        text = " ".join(result["message"]["text"] for result in json.loads(text)["runs"][0]["results"])
    elif name == "junit":
        text = " ".join(each.text or "" for each in ET.fromstring(text).iter("failure"))
    elif name == "html":
        text = html.unescape(re.sub("<[^>]*>", " ", text.partition("<article")[2].partition("</article>")[0]))
    return " ".join(text.replace("\\", "").split())


@pytest.mark.parametrize("name", ["text", "html", "markdown", "sarif", "junit", "github"])
@pytest.mark.parametrize("message", MESSAGES)
def test_path_and_both_values_are_told_whatever_the_message_says(name: str, message: str) -> None:
    text = messages_of(name, renderer(name)(report_of(found(message))))

    told = [bool(re.search(rf"(?<![\w.]){re.escape(part)}(?!\w)", text)) for part in (PATH, PROFILE, SERVING)]
    assert told == [True, True, True]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quiet_finding_keeps_them_too(message: str) -> None:
    loud, quiet = found("a loud one"), replace(found(message, Consequence.SLOW), rule="XX2", scenario="video")

    text = messages_of("text", renderer("text")(report_of(loud, quiet)))

    assert f"{PATH}: {PROFILE} at profile, {SERVING} at serving" in text.partition("warning XX2")[2]


@pytest.mark.parametrize("name", ["text", "markdown", "sarif", "github"])
def test_a_message_that_has_them_is_enough(name: str) -> None:
    text = renderer(name)(report_of(found(f"`{PATH}` is {PROFILE} at profile, {SERVING} at serving")))

    assert f"{PATH}: {PROFILE} at profile" not in messages_of(name, text)


def test_a_rule_can_say_that_its_message_is_enough() -> None:
    finding = replace(found("the table was swapped"), says_change=True)

    assert SERVING not in renderer("text")(report_of(finding))


def test_the_fields_of_a_finding_are_those_of_the_evidence() -> None:
    slow, wrong, compiled = (
        found("x", consequence) for consequence in (Consequence.SLOW, Consequence.SILENT_WRONG, Consequence.RECOMPILES)
    )

    assert (slow.lacks, slow.policies) == (None, ())
    assert wrong.lacks == LACKS
    assert wrong.policies == ((Policy.RECOMPILE, Consequence.RECOMPILES), (Policy.DROP, Consequence.SILENT_WRONG))
    # What is worse has another reason.
    assert compiled.policies == ((Policy.RECOMPILE, Consequence.RECOMPILES), (Policy.DROP, Consequence.BENIGN))


def test_a_message_in_pieces_is_the_sentence_that_they_make() -> None:
    pieces, whole = found(("a table changed", "", ", and nobody sees it")), found("a table changed")

    assert (pieces.message, pieces.clauses) == (
        "a table changed, and nobody sees it",
        ("a table changed", ", and nobody sees it"),
    )
    assert (whole.message, whole.clauses) == ("a table changed", ())


def test_json_has_the_fields_and_reads_them_again() -> None:
    report = report_of(found(("a table changed", ", and nobody sees it")))

    text = to_json(report)

    told = json.loads(text)["cases"][0]["findings"][0]
    assert told["clauses"] == ["a table changed", ", and nobody sees it"]
    assert told["policies"] == {"recompile": "recompiles", "drop": "silent-wrong"}
    assert told["lacks"]["missing_inputs"] == [PATH]
    assert from_json(text) == report


def test_an_exception_is_told_where_the_message_does_not() -> None:
    raises = Outcome(Policy.DROP, "eager", Result.RAISES, error="KeyError: 'd0'")
    finding = replace(found("x", Consequence.RAISES), message="it fails with KeyError: 'd0'", says_change=True)
    silent = replace(finding, says_error="")

    def text_of(one: Finding) -> str:
        case = report_of(one).cases[0]
        scenario = ScenarioReport("image", outcomes=(raises,))
        return renderer("text")(RunReport((replace(case, scenarios=(scenario,)),)))

    assert "raises under drop\n" in text_of(finding)
    assert "raises under drop: KeyError: 'd0'\n" in text_of(silent)
