"""Markdown for the summary of a CI job: a table of the cases, then the findings, worst case first, up to 900 KB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from steadygraph.model import CaseReport, Finding, ScenarioReport, Severity, Status
from steadygraph.model.run import IN_BASELINE, counted, summarised
from steadygraph.report.portable import Renderable, portable
from steadygraph.report.text.grouping import Entry, entries, scenario_names, told
from steadygraph.report.text.layout import flat, listed
from steadygraph.report.text.table import EAGER, eager_text, outcome_text, policy_label, shows_eager
from steadygraph.report.text.wording import what_changed, what_happens, what_the_graph_lacks

#: GitHub shows a job summary of up to 1 MiB, and none at all where it is larger.
MOST_BYTES = 900_000
#: What the last line takes, which says what is left out.
_ROOM_FOR_THE_REST = 1_000
_MOST_CASES, _MOST_SCENARIOS, _MOST_POLICIES, _MOST_ENTRIES, _MOST_PLACES = 1_000, 50, 12, 40, 6
_LONGEST_NAME = 120
#: What Markdown or HTML give a meaning to inside of a line, and what makes an address a link; a backslash before it
#: takes the meaning away.
_SPECIAL = re.compile(r"([\\`*_\[\]<>|~&$]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
_RANK = {severity: number for number, severity in enumerate(Severity)}


def render(report: Renderable, root: Path | None = None) -> str:
    """A report as GitHub's Markdown.

    Args:
        report: Any report.
        root: The project root; the current directory by default.

    Returns:
        Text of at most 900,000 bytes in UTF-8; what does not fit into it is counted.  No name or message of the model
        is taken for Markdown or HTML.
    """
    clean = portable(report, root).report
    interrupted = ["**Interrupted** before all targets were analysed.", ""] if clean.interrupted else []
    parts = [_block([f"# steadygraph: {clean.summary}", "", *interrupted, *_overview(clean.cases)])]
    room = MOST_BYTES - _ROOM_FOR_THE_REST - len(parts[0].encode())
    left_out: list[CaseReport] = []
    for case in sorted((case for case in clean.cases if _has_section(case)), key=_quietness):
        section = _block(_section(case, notes=clean.fail_on == "note"))
        size = len(section.encode())
        if size > room:
            left_out.append(case)
            continue
        room -= size
        parts.append(section)
    return "\n".join(parts + ([_rest(left_out)] if left_out else []))


def _block(lines: Iterable[str]) -> str:
    """The lines without blank ones at the end."""
    return "\n".join(lines).rstrip("\n") + "\n"


def _overview(cases: Sequence[CaseReport]) -> Iterator[str]:
    if not cases:
        return
    yield from ("| case | result |", "|---|---|")
    for case in cases[:_MOST_CASES]:
        yield f"| {code(case.target, _LONGEST_NAME)} | {_result(case)} |"
    if len(cases) > _MOST_CASES:
        yield from ("", f"{counted(len(cases) - _MOST_CASES, 'more case')} not listed.")


def _result(case: CaseReport) -> str:
    if case.status is not Status.COMPLETED:
        return f"**{case.status}**"
    summary = summarised([case])
    counts = [(summary.errors, "error"), (summary.warnings, "warning"), (summary.notes, "note")]
    parts = [counted(number, noun) for number, noun in counts if number]
    parts += [f"{summary.accepted:,} accepted"] if summary.accepted else []
    parts += ["not as locked"] if case.lock_changes else []
    return ", ".join(parts) or "no findings"


def _has_section(case: CaseReport) -> bool:
    return case.status is not Status.COMPLETED or bool(case.findings or case.rule_problems or case.lock_changes)


def _quietness(case: CaseReport) -> tuple[bool, int]:
    """Cases without a result first, then by the loudest finding."""
    severities = [finding.severity for finding in case.findings if finding.allowed is None]
    severities += [Severity.WARNING] if case.lock_changes else []
    return case.status is Status.COMPLETED, min((_RANK[severity] for severity in severities), default=len(_RANK))


def _section(case: CaseReport, *, notes: bool) -> Iterator[str]:
    yield from (f"## {code(case.target, _LONGEST_NAME)}", "")
    if case.status is not Status.COMPLETED:
        reason = f" ({escaped(case.error.type)}): {prose(case.error.message)}" if case.error else ""
        yield from (f"**{case.status}**{reason}", "")
        if case.error and case.error.hint:
            yield from (f"Hint: {prose(case.error.hint)}", "")
    yield from _outcomes(case.scenarios)
    yield from _findings(case, notes=notes)
    for change in case.lock_changes[:_MOST_ENTRIES]:
        yield f"- **warning** {prose(str(change))}"
    for note in dict.fromkeys(case.notes[:_MOST_ENTRIES]):
        yield f"- {prose(note)}"
    more = max(len(case.lock_changes) - _MOST_ENTRIES, 0) + max(len(case.notes) - _MOST_ENTRIES, 0)
    if more:
        yield f"- {counted(more, 'more remark')} not listed."


def _outcomes(scenarios: Sequence[ScenarioReport]) -> Iterator[str]:
    judged = [scenario for scenario in scenarios if scenario.outcomes]
    columns = list(dict.fromkeys(policy_label(each) for scenario in judged for each in scenario.outcomes))
    columns = [EAGER, *columns] if shows_eager(judged) else columns
    shown = columns[:_MOST_POLICIES]
    if not judged:
        return
    yield f"| scenario | {' | '.join(escaped(column) for column in shown)} |"
    yield "|---" * (len(shown) + 1) + "|"
    for scenario in judged[:_MOST_SCENARIOS]:
        results = {policy_label(outcome): outcome_text(outcome) for outcome in scenario.outcomes}
        results[EAGER] = eager_text(scenario)
        cells = [escaped(results.get(column, "")) for column in shown]
        yield f"| {code(scenario.name, _LONGEST_NAME)} | {' | '.join(cells)} |"
    more = len(judged) - _MOST_SCENARIOS, len(columns) - _MOST_POLICIES
    if more[0] > 0:
        yield from ("", f"{counted(more[0], 'more scenario')} not listed.")
    if more[1] > 0:
        yield from ("", f"{counted(more[1], 'more policy', 'more policies')} not listed.")
    yield ""


def _findings(case: CaseReport, *, notes: bool) -> Iterator[str]:
    findings = told(case, notes=notes)
    found = entries(findings)
    for entry in found[:_MOST_ENTRIES]:
        yield from _entry(entry, case)
    if len(found) > _MOST_ENTRIES:
        left = sum(len(place.findings) for entry in found[_MOST_ENTRIES:] for place in entry.places)
        yield f"- {counted(left, 'more finding')} not listed."
    accepted = [finding for finding in case.findings if finding.allowed is not None]
    untold = len(case.findings) - len(findings) - len(accepted)
    if untold:
        yield f"- {counted(untold, 'note')} not listed: guards that differ and change no graph."
    yield from _accepted(accepted)


def _accepted(findings: Sequence[Finding]) -> Iterator[str]:
    """Each reason once; what is in the baseline is a number."""
    reasons: dict[tuple[str, str, str], list[str]] = {}
    for finding in findings:
        if finding.allowed is not None and finding.allowed != IN_BASELINE:
            reasons.setdefault((finding.rule, finding.name, finding.allowed), []).append(finding.scenario)
    for (rule, name, reason), scenarios in list(reasons.items())[:_MOST_ENTRIES]:
        yield f"- accepted {_rule(rule, name)} {escaped(f'[{scenario_names(scenarios)}]')}: {prose(reason)}"
    if len(reasons) > _MOST_ENTRIES:
        yield f"- {counted(len(reasons) - _MOST_ENTRIES, 'more accepted finding')} not listed."
    known = sum(finding.allowed == IN_BASELINE for finding in findings)
    if known:
        yield f"- {counted(known, 'finding is', 'findings are')} in the baseline."


def _entry(entry: Entry, case: CaseReport) -> Iterator[str]:
    first = entry.first
    scenarios = [scenario for scenario in case.scenarios if scenario.name in entry.scenarios]
    where = escaped(f"[{scenario_names(entry.scenarios)}]")
    title = f"- **{first.severity}** {_rule(first.rule, first.name)} {where}"
    if first.consequence.shows_in_outcomes:
        yield f"{title}: {prose(what_happens(entry.findings, scenarios))}"
    else:
        yield title
    for place in entry.places[:_MOST_PLACES]:
        regions = list(dict.fromkeys(finding.region for finding in place.findings if finding.region))
        inside = f" in {code(listed(regions, 1), _LONGEST_NAME)}" if regions else ""
        change = what_changed(place.first)
        values = f"; {escaped(change)}" if change else ""
        values += f"; serving values: {escaped(place.serving_values)}" if place.serving_values else ""
        yield f"  - {prose(place.first.message)}{inside}{values}"
        location = place.first.location
        if location is not None:
            source = f": {code(location.text)}" if location.text else ""
            yield f"    <br>{code(f'{flat(location.path, 200)}:{location.line}')}{source}"
    if len(entry.places) > _MOST_PLACES:
        yield f"  - {counted(len(entry.places) - _MOST_PLACES, 'more place')} not listed"
    changed = next((scenario.graph for scenario in scenarios if scenario.graph.same is False), None)
    if changed is not None and first.consequence.shows_in_outcomes:
        yield f"  - {prose(what_the_graph_lacks(changed, about=first.path))}"
    if first.fix:
        yield f"  - Fix: {prose(first.fix)}"


def _rule(code: str, name: str) -> str:
    return f"{escaped(flat(code, 20))} {escaped(flat(name, 60))}"


def _rest(cases: Sequence[CaseReport]) -> str:
    findings = sum(len(case.findings) for case in cases)
    size = f"to keep this page below {MOST_BYTES // 1000} KB"
    return f"{counted(len(cases), 'more case')} with {counted(findings, 'finding')} left out {size}.\n"


def escaped(text: str, limit: int = 400) -> str:
    """The text on one line, without a character that Markdown or HTML would act on."""
    return _SPECIAL.sub(r"\\\1", flat(text, limit))


def code(text: str, limit: int = 400) -> str:
    """The text as code; inside of code only its own quotes, and in a table the bar, mean anything."""
    shown = flat(text, limit)
    if not shown or "`" in shown or "|" in shown or shown.endswith("\\"):
        return escaped(shown, limit)
    return f"`{shown}`"


def prose(text: str, limit: int = 400) -> str:
    """A sentence in which names stand between single backticks: these are code, all the rest is plain text."""
    parts = flat(text, limit).split("`")
    if len(parts) % 2 == 0:  # an odd quote: no telling which is the one too many
        return escaped(text, limit)
    return "".join(_code_part(part) if number % 2 else _SPECIAL.sub(r"\\\1", part) for number, part in enumerate(parts))


def _code_part(part: str) -> str:
    return f"`{part}`" if part.strip() == part != "" and "|" not in part else _SPECIAL.sub(r"\\\1", f"`{part}`")
