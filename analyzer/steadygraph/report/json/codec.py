"""The JSON form of a report, schema version 1: writing it and reading it.

Within a schema version fields may be added, but none goes or changes its meaning.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, Outcome, ViolatedGuard
from steadygraph.model.run import INTERRUPTED_CODES, FailOn, RunReport, Summary
from steadygraph.report import collector
from steadygraph.report.json import files
from steadygraph.report.json.values import complaint, taken, written
from steadygraph.report.portable import Renderable, portable

SCHEMA_VERSION: Literal[1] = 1
#: What rules look at, and nobody who reads a report.
LEFT_OUT = frozenset({(ViolatedGuard, "size"), (Outcome, "of_profile")})


@dataclass(frozen=True, slots=True)
class Tool:
    """What made the report."""

    name: Literal["steadygraph"]
    version: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Findings by severity."""

    error: int
    warning: int
    note: int


@dataclass(frozen=True, slots=True)
class Totals:
    """All cases together."""

    cases: int
    findings: Counts
    exit_code: int
    fail_on: FailOn = "warning"
    interrupted: bool = False
    accepted: int = 0


@dataclass(frozen=True, slots=True)
class Document:
    """A report of steadygraph, schema version 1."""

    schema_version: Literal[1]
    tool: Tool
    environment: dict[str, str]
    cases: tuple[CaseReport, ...]
    summary: Totals


_WRITTEN = "name a report that --format json wrote"
#: How a document without cases says so; no other part of it is a list.
_NO_CASES = '  "cases": []'


@collector.paused()
def to_json(report: Renderable, root: Path | None = None) -> str:
    """A report as JSON: the same bytes for the same findings, apart from ``duration_s``.

    Args:
        report: Any report.
        root: The project root, which paths become relative to; the current directory by default.

    Returns:
        ASCII text that ends in a newline, without tensor values, absolute paths of files, addresses of objects or
        secrets of the environment (see :mod:`steadygraph.report.portable`).
    """
    clean = portable(report, root).report
    document = Document(
        schema_version=SCHEMA_VERSION,
        tool=Tool("steadygraph", clean.tool_version),
        environment=dict(clean.environment),
        cases=(),
        summary=_totals(clean.summary, clean),
    )
    head, _, tail = written(Document, document).partition(_NO_CASES)
    # One by one: what stands in the text of a case is indented when that of the others is done.
    cases = [written(CaseReport, case, without=LEFT_OUT).replace("\n", "\n    ") for case in clean.cases]
    separated = ",\n    ".join(cases)
    listed = f'  "cases": [\n    {separated}\n  ]' if cases else _NO_CASES
    return f"{head}{listed}{tail}\n"


def _totals(summary: Summary, report: RunReport) -> Totals:
    return Totals(
        cases=summary.cases,
        findings=Counts(summary.errors, summary.warnings, summary.notes),
        exit_code=report.exit_code,
        fail_on=report.fail_on,
        interrupted=report.interrupted,
        accepted=summary.accepted,
    )


@collector.paused()
def from_json(text: str) -> RunReport:
    """The report that :func:`to_json` wrote; :func:`to_json` makes the same text of it.

    Raises:
        UsageError: The text is no JSON, no report of steadygraph, or of another schema version.
    """
    value = _loaded(text)
    if isinstance(value, dict) and "recording_version" in value:
        raise UsageError(
            "this JSON is a recording of steadygraph, not a report",
            hint="make a report of it with: steadygraph judge RECORDING.json --format json",
        )
    if not isinstance(value, dict) or "schema_version" not in value:
        raise UsageError(
            "this JSON is not a report of steadygraph: it has no schema_version",
            hint="give a file that was written with --format json",
        )
    if value["schema_version"] != SCHEMA_VERSION:
        raise UsageError(
            f"the report has schema version {value['schema_version']!r:.40}, this steadygraph reads {SCHEMA_VERSION}",
            hint="read it with the version of steadygraph that wrote it, or analyse again",
        )
    try:
        document: Document = taken(Document, value)
    except ValidationError as error:
        raise UsageError(
            f"this JSON is not a report of steadygraph: {complaint(error)}",
            hint="give a file that was written with --format json and not changed since",
        ) from None
    return RunReport(
        cases=document.cases,
        environment=document.environment,
        tool_version=document.tool.version,
        fail_on=document.summary.fail_on,
        interrupted=document.summary.interrupted,
        interrupted_code=next(
            (code for code in INTERRUPTED_CODES if code == document.summary.exit_code), INTERRUPTED_CODES[0]
        ),
    )


def read(file: Path) -> RunReport:
    """The report in a file.

    Raises:
        UsageError: It cannot be read, is no text, or :func:`from_json` cannot make a report of it.
    """
    return files.read(file, from_json, _WRITTEN)


def piped() -> RunReport:
    """The same of standard input."""
    return files.piped(from_json, _WRITTEN)


def _loaded(text: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"the report is not JSON: line {error.lineno}, column {error.colno}: {error.msg}",
            hint="give a whole file that was written with --format json",
        ) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the report cannot be read: {error}", hint="give a file that was written with --format json"
        ) from None
