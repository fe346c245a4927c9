"""All differences and violated guards of a case, as rows of one table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from steadygraph.model import CaseReport, Location
from steadygraph.report.text.layout import flat

_EFFECTS = {True: "changes", False: "does not change", None: "unknown"}
_ORDER = (_EFFECTS[True], _EFFECTS[None], "", _EFFECTS[False])
_DIFFERENCE = "difference"


@dataclass(frozen=True, slots=True)
class ObservedRow:
    """Something that is not the same at profile and at serving.

    Args:
        what: ``guard TENSOR_MATCH``, or ``difference``.
        effect: Whether the graph of the serving call is another one, for guards.
    """

    path: str
    what: str
    aspect: str
    profile: str
    serving: str
    effect: str
    region: str
    where: str
    scenarios: str

    @property
    def kind(self) -> str:
        """Words that the filter knows."""
        if self.what == _DIFFERENCE:
            return _DIFFERENCE
        return "guard changes" if self.effect == _EFFECTS[True] else "guard"


def observed(case: CaseReport) -> list[ObservedRow]:
    """Each once, with the scenarios that it is in; guards that change the graph first."""
    found: dict[ObservedRow, dict[str, None]] = {}
    for scenario, row in _rows(case):
        found.setdefault(row, {})[scenario] = None
    served = len(case.scenarios) - 1
    rows = [
        ObservedRow(row.path, row.what, row.aspect, row.profile, row.serving, row.effect, row.region, row.where, names)
        for row, scenarios in found.items()
        for names in ["all" if len(scenarios) == served > 2 else ", ".join(flat(name, 80) for name in scenarios)]
    ]
    return sorted(rows, key=lambda row: _ORDER.index(row.effect))


def _rows(case: CaseReport) -> Iterator[tuple[str, ObservedRow]]:
    for scenario in case.scenarios:
        for guard in scenario.violated_guards:
            yield (
                scenario.name,
                ObservedRow(
                    flat(guard.path or guard.source),
                    f"guard {flat(guard.guard_type, 60)}",
                    str(guard.aspect),
                    flat(guard.expected),
                    flat(guard.actual),
                    _EFFECTS[guard.matters],
                    flat(guard.region, 120),
                    _where(guard.location),
                    "",
                ),
            )
        for each in scenario.differences:
            yield (
                scenario.name,
                ObservedRow(
                    flat(each.path),
                    _DIFFERENCE,
                    str(each.aspect),
                    flat(each.profile),
                    flat(each.serving),
                    "",
                    flat(each.region, 120),
                    "",
                    "",
                ),
            )


def _where(place: Location | None) -> str:
    return "" if place is None else f"{flat(place.path.replace(chr(92), '/').rpartition('/')[2], 120)}:{place.line}"
