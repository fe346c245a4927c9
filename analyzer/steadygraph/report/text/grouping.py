"""Which findings stand together: those that say the same of several scenarios, regions or places."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from steadygraph.model import CaseReport, Consequence, Finding, Severity
from steadygraph.report.text.layout import flat, listed

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
    """Places at which one rule finds something in the same scenarios."""

    places: tuple[Place, ...]

    @property
    def first(self) -> Finding:
        return self.places[0].first

    def title(self, *, regions: bool) -> str:
        """``error SG101 none-at-profile [image, video] in layers.0 and 3 more``, with or without the regions."""
        names = dict.fromkeys(each.region for place in self.places for each in place.findings if each.region)
        where = f" in {listed(names, 1)}" if names and regions else ""
        return f"{self.first.severity} {self.rule} [{scenario_names(self.scenarios)}]{where}"

    @property
    def rule(self) -> str:
        """``SG101 none-at-profile``."""
        return f"{flat(self.first.rule, 20)} {flat(self.first.name, 60)}"

    @property
    def scenarios(self) -> tuple[str, ...]:
        return self.places[0].scenarios

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for place in self.places for finding in place.findings)


def scenario_names(scenarios: Iterable[str]) -> str:
    """``image, video``, each once; beyond some only their number."""
    return listed(dict.fromkeys(scenarios), _MOST_SCENARIOS, limit=24)


def entries(findings: Iterable[Finding], *, by_fix: bool = True) -> list[Entry]:
    """The findings of one case, loudest first, of equally loud ones the worst, and otherwise in their order.

    Args:
        findings: Of one case.
        by_fix: Only what has the same consequence and the same fix is one entry; otherwise all that a rule says.
    """
    found: dict[tuple[object, ...], list[Place]] = {}
    for place in _places(findings):
        first = place.first
        same = (first.consequence, first.fix) if by_fix else ()
        found.setdefault((first.rule, first.severity, place.scenarios, *same), []).append(place)
    return sorted((Entry(tuple(each)) for each in found.values()), key=_rank)


def told(case: CaseReport, *, notes: bool) -> tuple[Finding, ...]:
    """The findings that are told one by one: not those that the case accepts.

    Args:
        case: The case.
        notes: Also those that say no more than that a guard differs which changes no graph and costs nothing; they
            are many, and their number is enough.
    """
    effects: dict[tuple[str, str], set[bool | None]] = {}
    for scenario in case.scenarios:
        for guard in scenario.violated_guards:
            effects.setdefault((scenario.name, guard.path), set()).add(guard.matters)

    def only_counted(finding: Finding) -> bool:
        benign = finding.consequence is Consequence.BENIGN
        return benign and effects.get((finding.scenario, finding.path)) == {False} and not notes

    return tuple(finding for finding in case.findings if finding.allowed is None and not only_counted(finding))


def _rank(entry: Entry) -> tuple[int, int]:
    return tuple(Severity).index(entry.first.severity), tuple(Consequence).index(entry.first.consequence)


def _places(findings: Iterable[Finding]) -> list[Place]:
    """Findings that differ in nothing but scenario, region and serving value are one place."""
    found: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        line = finding.location and (finding.location.path, finding.location.line)
        key = (finding.rule, finding.severity, finding.consequence, finding.path, line, finding.profile)
        # Without a path nothing but the message says what the finding is about.
        found.setdefault(key if finding.path else (*key, finding.message), []).append(finding)
    return [Place(tuple(each)) for each in found.values()]
