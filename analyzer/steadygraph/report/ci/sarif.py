"""SARIF 2.1.0, within the limits of GitHub's code scanning: every finding at a line of the project."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import quote

from steadygraph.model import CaseReport, Finding, ScenarioReport, Severity, Status
from steadygraph.model.run import EXIT_FINDINGS, EXIT_OK, IN_BASELINE, RunReport, counted
from steadygraph.report.ci.anchors import Anchor, Anchors
from steadygraph.report.ci.sarif_rules import descriptors, rule_id
from steadygraph.report.portable import Renderable, portable
from steadygraph.report.text.layout import flat
from steadygraph.report.text.wording import what_changed, what_happens

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: GitHub refuses a run with more.
MOST_RESULTS = 25_000
_LONGEST_MESSAGE = 1_000
_LONGEST_VALUE = 400
_ROOT = "%SRCROOT%"
#: Semantic versioning asks for three numbers; Python's own "0.2.0rc1" is not of its form.
_SEMANTIC_VERSION = re.compile(r"\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?")

JsonObject = dict[str, object]


def render(report: Renderable, root: Path | None = None) -> str:
    """A report as SARIF.

    Args:
        report: Any report.
        root: The project root, which URIs become relative to; the current directory by default.

    Returns:
        ASCII text in one line.  Findings that a case accepts are suppressed results.  Of more than 25,000 findings
        the loudest are kept, and a notification says how many are missing.
    """
    clean = portable(report, root).report
    found = [(case, finding) for case in clean.cases for finding in case.findings]
    # Sorting is stable: equally loud ones stay in the order of the report.
    found.sort(key=lambda each: _quietness(each[1]))
    kept = found[:MOST_RESULTS]
    rules = descriptors(finding for _, finding in kept)
    environment = {flat(name, 100): flat(value, _LONGEST_VALUE) for name, value in clean.environment.items()}
    run: JsonObject = {
        "tool": {"driver": {"name": "steadygraph", **_version(clean.tool_version), "rules": rules}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the project."}}},
        "invocations": [_invocation(clean, missing=len(found) - len(kept))],
        "properties": {"environment": environment},
        "results": list(_results(kept, {str(rule["id"]): index for index, rule in enumerate(rules)})),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}) + "\n"


def _quietness(finding: Finding) -> tuple[bool, int]:
    return finding.allowed is not None, tuple(Severity).index(finding.severity)


def _version(version: str) -> JsonObject:
    semantic = {"semanticVersion": version} if _SEMANTIC_VERSION.fullmatch(version) else {}
    return {"version": _told(version, 100), **semantic}


def _results(found: Sequence[tuple[CaseReport, Finding]], rules: dict[str, int]) -> Iterator[JsonObject]:
    anchors = {id(case): Anchors(case) for case, _ in found}
    scenarios = {id(case): {scenario.name: scenario for scenario in case.scenarios} for case, _ in found}
    taken = Counter[str]()
    for case, finding in found:
        identity = hashlib.sha256(f"{case.target}\0{finding.fingerprint}".encode()).hexdigest()[:16]
        taken[identity] += 1
        result = _result(case, finding, anchors[id(case)].of(finding), scenarios[id(case)].get(finding.scenario))
        rule = str(result["ruleId"])
        # GitHub looks at the first of these alone, and takes two results of one rule and file for the same if theirs
        # are equal; the number behind the colon keeps them apart, as CodeQL does.
        fingerprints = {
            "primaryLocationLineHash": f"{identity}:{taken[identity]}",
            "steadygraph/v1": flat(finding.fingerprint, 100),
        }
        yield {**result, "ruleIndex": rules[rule], "partialFingerprints": fingerprints}


def _result(case: CaseReport, finding: Finding, anchor: Anchor, scenario: ScenarioReport | None) -> JsonObject:
    result: JsonObject = {
        "ruleId": rule_id(finding),
        "level": str(finding.severity),
        "message": {"text": _message(finding, anchor, scenario)},
        "locations": [_location(anchor)],
        "properties": _properties(case, finding),
    }
    if finding.allowed is not None:
        reason = _told(finding.allowed, _LONGEST_MESSAGE)
        kind = "external" if finding.allowed == IN_BASELINE else "inSource"
        result["suppressions"] = [{"kind": kind, "status": "accepted", "justification": reason}]
    return result


def _message(finding: Finding, anchor: Anchor, scenario: ScenarioReport | None) -> str:
    """What, where, what happens, what to do; GitHub shows the first sentence where there is little room."""
    region = f" in {flat(finding.region, 80)}" if finding.region else ""
    where = f"Scenario {flat(finding.scenario, 80)}{region}"
    if finding.consequence.shows_in_outcomes:
        where = f"{where}: {what_happens([finding], [scenario] if scenario else [])}"
    change = what_changed(finding)
    sentences = [flat(finding.message, _LONGEST_MESSAGE), *([change] if change else []), where]
    elsewhere = anchor.elsewhere(finding)
    if elsewhere:
        sentences.append(elsewhere)
    if finding.fix:
        sentences.append(f"Fix: {flat(finding.fix, _LONGEST_MESSAGE)}")
    return _literal(" ".join(f"{sentence.rstrip('.')}." for sentence in sentences))


def _literal(text: str) -> str:
    """Text in which a viewer finds neither a link (``[text](1)``) nor a placeholder (``{0}``)."""
    return re.sub(r"\{(\d+)\}", r"{{\1}}", text.replace("](", "] ("))


def _location(anchor: Anchor) -> JsonObject:
    region: JsonObject = {"startLine": anchor.line, "startColumn": 1, "endLine": anchor.line}
    if anchor.text:
        text = anchor.text.strip()
        start = len(anchor.text) - len(anchor.text.lstrip()) + 1
        region |= {"startColumn": start, "endColumn": start + len(text), "snippet": {"text": flat(text)}}
    else:
        # Columns are required by code scanning; without the text of the line the first one is all that is known.
        region["endColumn"] = 2
    return {"physicalLocation": {"artifactLocation": _artifact(anchor.path), "region": region}}


def _artifact(path: str) -> JsonObject:
    # Also the colon: "a:b.py" would be a URI with the scheme "a".
    return {"uri": quote(path, safe="/"), "uriBaseId": _ROOT}


def _properties(case: CaseReport, finding: Finding) -> JsonObject:
    """What viewers can show and filters can use beside the message."""
    values = {
        "target": case.target,
        "scenario": finding.scenario,
        "region": finding.region,
        "kind": finding.kind,
        "consequence": finding.consequence,
        "path": finding.path,
        "profile": finding.profile,
        "serving": finding.serving,
    }
    return {name: flat(value, _LONGEST_VALUE) for name, value in values.items() if value}


def _invocation(report: RunReport, missing: int) -> JsonObject:
    return {
        "executionSuccessful": report.exit_code in (EXIT_OK, EXIT_FINDINGS),
        "exitCode": report.exit_code,
        "toolExecutionNotifications": list(_notifications(report, missing)),
    }


def _notifications(report: RunReport, missing: int) -> Iterator[JsonObject]:
    """What the results do not say: cases without result, remarks, and that results are missing."""
    if report.interrupted:
        yield _notification("error", "The run was interrupted before all targets were analysed.")
    if missing:
        yield _notification("warning", f"{counted(missing, 'finding')} left out: a run has {MOST_RESULTS:,} at most.")
    for case in report.cases:
        if case.status is not Status.COMPLETED:
            yield _notification("error", _problem(case), Anchors(case).of_case)
        for problem in case.rule_problems:
            level = "error" if problem.selected else "warning"
            yield _notification(level, problem.message, Anchors(case).of_case)
        for change in case.lock_changes:
            yield _notification("warning", str(change), Anchors(case).of_case)
        told = {problem.message for problem in case.rule_problems}
        for note in dict.fromkeys(case.notes):
            if note not in told:
                yield _notification("note", note, Anchors(case).of_case)


def _problem(case: CaseReport) -> str:
    reason = f" ({case.error.type}): {case.error.message}" if case.error else ""
    return f"{case.target}: {case.status}{reason}"


def _notification(level: str, text: str, anchor: Anchor | None = None) -> JsonObject:
    notification: JsonObject = {"level": level, "message": {"text": _literal(_told(text, _LONGEST_MESSAGE))}}
    return notification if anchor is None else {**notification, "locations": [_location(anchor)]}


def _told(text: str, limit: int) -> str:
    """On one line, and never empty: code scanning refuses empty texts."""
    return flat(text, limit) or "unknown"
