"""Changes as text, as Markdown, as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from steadygraph.history.changes.changes import CaseChanges, Changes
from steadygraph.history.changes.sentences import durations, sentences, totals
from steadygraph.model import Finding, Outcome
from steadygraph.report.ci.markdown import escaped, prose
from steadygraph.report.text.layout import NARROWEST, Line, block, cells, flat, shortened

SCHEMA_VERSION = 1


def text(changes: Changes, *, width: int = 80) -> str:
    """Per case what changed, a sentence each; lines keep to ``width`` columns from 40 on and end in a newline."""
    width = max(width, NARROWEST)
    lines: list[Line] = []
    for case in changes.cases:
        lines += block(_title(case, width), width, hang=2)
        for sentence in sentences(case):
            lines += block(f"{sentence.mark:<8}{sentence.text}", width, indent=2, hang=8)
        lines.append(())
    for name, old, new in changes.versions:
        lines += block(f"{flat(name, 40)} {flat(new, 80)}, before {flat(old, 80)}", width)
    lines += block(totals(changes), width)
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def markdown(changes: Changes) -> str:
    """The same for a job summary or a pull request."""
    parts = [f"**{escaped(totals(changes))}**\n"]
    parts += [f"{escaped(name)} {escaped(new)}, before {escaped(old)}\n" for name, old, new in changes.versions]
    for case in changes.cases:
        if not case.is_same:
            parts.append(f"### {escaped(case.target)}\n")
            parts.append("".join(f"- **{one.mark}** {prose(one.text)}\n" for one in sentences(case)))
    return "\n".join(parts)


def as_json(changes: Changes) -> str:
    """ASCII text that ends in a newline."""
    value = {
        "schema_version": SCHEMA_VERSION,
        "tool": "steadygraph",
        "worse": changes.is_worse(),
        "versions": {name: {"old": old, "new": new} for name, old, new in changes.versions},
        "cases": [_case(case) for case in changes.cases],
    }
    return json.dumps(value, indent=2) + "\n"


#: How changes can be written, by the name of the format.
FORMATS: Mapping[str, Callable[[Changes], str]] = {"text": text, "json": as_json, "markdown": markdown}


def _title(case: CaseChanges, width: int) -> str:
    took = durations(case)
    target = shortened(flat(case.target, 1000), width)
    if case.old_status is None or case.new_status is None:
        return target
    same = "no change, " if case.is_same else ""
    return f"{target} ({same}{took})" if cells(target) + cells(took) + 14 <= width else target


def _case(case: CaseChanges) -> dict[str, Any]:
    return {
        "target": case.target,
        "status": {"old": case.old_status, "new": case.new_status},
        "duration_s": {"old": case.old_duration_s, "new": case.new_duration_s},
        "worse": case.is_worse(),
        "new": [_finding(finding) for finding in case.new],
        "gone": [_finding(finding) for finding in case.gone],
        "unchanged": case.unchanged,
        "outcomes": [
            {
                "scenario": change.scenario,
                "policy": change.policy,
                "backend": change.backend,
                "worse": change.is_worse,
                "old": _outcome(change.old),
                "new": _outcome(change.new),
            }
            for change in case.outcomes
        ],
        "graphs": list(case.graphs),
    }


def _finding(finding: Finding) -> dict[str, Any]:
    where = finding.location
    return {
        "rule": finding.rule,
        "name": finding.name,
        "severity": finding.severity,
        "scenario": finding.scenario,
        "message": finding.message,
        "location": None if where is None else {"path": where.path, "line": where.line},
        "fingerprint": finding.fingerprint,
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"result": outcome.result, "predicted": outcome.predicted, "recompiles": outcome.recompiles}
