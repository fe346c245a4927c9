"""An event for OpenTelemetry for each finding, where the process exports traces: names and a line, no text."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from steadygraph.model import Finding, Severity

NAME = "steadygraph.finding"


def send(findings: Iterable[Finding], rank: int) -> None:
    """An event on the span that the process is in; where it is in none, on one of its own.

    Without a provider OpenTelemetry drops it; without its interface there is nobody to tell.
    """
    with contextlib.suppress(ImportError):
        from opentelemetry import trace

        for finding in findings:
            if finding.severity is Severity.NOTE:
                continue
            attributes = _attributes(finding, rank)
            span = trace.get_current_span()
            if span.is_recording():
                span.add_event(NAME, attributes)
                continue
            with trace.get_tracer("steadygraph").start_as_current_span(NAME) as own:
                own.add_event(NAME, attributes)


def _attributes(finding: Finding, rank: int) -> dict[str, str | int]:
    """What may leave the process: messages name arguments, and what they were."""
    place = finding.location
    where: dict[str, str | int] = (
        {} if place is None else {"code.line.number": place.line, "code.function.name": place.function}
    )
    return {
        "steadygraph.rule": finding.rule,
        "steadygraph.severity": finding.severity.value,
        "steadygraph.region": finding.region,
        "steadygraph.scenario": finding.scenario,
        "steadygraph.rank": rank,
        **where,
    }
