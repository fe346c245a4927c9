"""Which findings stand together: those that say the same of several scenarios, regions or places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steadygraph.model import Finding, Severity
from steadygraph.report.layout import flat, listed

_MOST_SCENARIOS = 4
_MOST_VALUES = 6


@dataclass(frozen=True, slots=True)
class Place:
    """Findings of one rule about one path or line, in several scenarios or regions."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def scenarios(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(finding.scenario for finding in self.findings))

    @property
    def serving_values(self) -> str:
        """``17 (step2), 18 (step3)`` where the scenarios bring different values; otherwise empty."""
        values = dict.fromkeys((finding.serving, finding.scenario) for finding in self.findings)
        if len({serving for serving, _ in values}) < 2:
            return ""
        named = (f"{flat(serving, 60)} ({flat(scenario, 24)})" for serving, scenario in values)
        return listed(named, _MOST_VALUES, limit=100)


@dataclass(frozen=True, slots=True)
class Entry:
    """Places at which one rule finds the same defect, with the same consequence and the same cure."""

    places: tuple[Place, ...]

    @property
    def first(self) -> Finding:
        return self.places[0].first

    @property
    def title(self) -> str:
        """``error SG101 none-at-profile [image, video] in layers.0 and 3 more``."""
        first = self.first
        regions = dict.fromkeys(each.region for place in self.places for each in place.findings if each.region)
        where = f" in {listed(regions, 1)}" if regions else ""
        names = listed(self.places[0].scenarios, _MOST_SCENARIOS, limit=24)
        return f"{first.severity} {flat(first.rule, 20)} {flat(first.name, 60)} [{names}]{where}"


def entries(findings: Iterable[Finding]) -> list[Entry]:
    """The findings of one case, loudest first and otherwise in their order."""
    found: dict[tuple[object, ...], list[Place]] = {}
    for place in _places(findings):
        first = place.first
        key = (first.rule, first.severity, first.consequence, first.fix, place.scenarios)
        found.setdefault(key, []).append(place)
    order = tuple(Severity)
    return sorted((Entry(tuple(each)) for each in found.values()), key=lambda entry: order.index(entry.first.severity))


def _places(findings: Iterable[Finding]) -> list[Place]:
    """Findings that differ in nothing but scenario, region and serving value are one place."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        line = finding.location and (finding.location.path, finding.location.line)
        key = (finding.rule, finding.severity, finding.consequence, finding.path, line, finding.profile)
        # Without a path nothing but the message says what the finding is about.
        found.setdefault(key if finding.path else (*key, finding.message), []).append(finding)
    return [Place(tuple(each)) for each in found.values()]
