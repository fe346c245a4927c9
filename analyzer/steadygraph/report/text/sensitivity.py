"""What became of the calls that were derived from a profile call: what goes wrong, worst first, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from steadygraph.model import Change, Consequence, Outcome, Probed, Result, Sensitivity
from steadygraph.model.evidence import worst_of
from steadygraph.model.run import counted
from steadygraph.report.text.layout import EMPTY, Line, Span, block, cropped, flat, listed
from steadygraph.report.text.places import place_line
from steadygraph.report.text.table import outcome_text, policy_label

_STYLES = {Result.SILENT_WRONG: "bold red", Result.RAISES: "bold red"}
#: How results are counted, worst first.
_WORDS = (
    (Result.SILENT_WRONG, "silently wrong"),
    (Result.RAISES, "raise"),
    (Result.REFUSED, "are refused"),
    (Result.RECOMPILES, "recompile"),
    (Result.UNPROVED, "unproved"),
    (Result.SAME, "the same"),
)
_MOST_PATHS = 4
_MOST_REFUSED = 5


@dataclass(frozen=True, slots=True)
class SensitivityRow:
    """One kind of change of one thing: the worst call, and how many others there are that do the same."""

    worst: Probed
    others: int = 0

    @property
    def change(self) -> str:
        """``mask: None -> float32[4, 8]``, ``x.shape[0]: 4 -> 1 (and 3 more)``."""
        return f"{self.worst.probe.name} (and {self.others} more)" if self.others else self.worst.probe.name

    @property
    def is_shown(self) -> bool:
        """Was it seen to go wrong, or declared, and not only predicted?"""
        return self.worst.declared or not _badness(self.worst)[1]

    @property
    def results(self) -> str:
        """``silent-wrong (0.59) under drop, recompiles (1) under recompile``."""
        if self.worst.ended is not None:
            return f"ends the process: {self.worst.ended}"
        shown = sorted(self.worst.outcomes, key=_rank)
        return ", ".join(f"{_told(one)} under {policy_label(one)}" for one in shown)

    @property
    def guard(self) -> str:
        """``mask is None at profile, float32[4, 8] here``; empty where no guard is violated."""
        one = self.worst
        return f"{one.guard}: {one.expected} at profile, {one.actual} here" if one.guard else ""


def rows(sensitivity: Sensitivity) -> list[SensitivityRow]:
    """What goes wrong, worst first: shown ones before those that are predicted."""
    groups: dict[tuple[str, Change, Result | None], list[Probed]] = {}
    for one in sensitivity.probes:
        if is_wrong(one):
            groups.setdefault((one.probe.path, one.probe.change, one.result), []).append(one)
    found = [SensitivityRow(min(group, key=_badness), len(group) - 1) for group in groups.values()]
    return sorted(found, key=lambda row: _badness(row.worst))


def is_wrong(one: Probed) -> bool:
    return one.result in (Result.SILENT_WRONG, Result.RAISES)


def summary(sensitivity: Sensitivity) -> str:
    """``104 changed calls in 2.1 s: 6 silently wrong, 40 recompile, 30 the same; 28 are no valid calls``."""
    counts = Counter(one.result for one in sensitivity.probes)
    told = [f"{counts[result]:,} {words}" for result, words in _WORDS if counts[result]]
    invalid = f"; {counts[None]:,} are no valid calls" if counts[None] else ""
    left = f"; {sensitivity.left:,} more were not tried" if sensitivity.left else ""
    number = counted(len(sensitivity.probes), "changed call")
    return f"{number} in {sensitivity.duration_s:.1f} s: {', '.join(told) or 'none valid'}{invalid}{left}"


def gentler(sensitivity: Sensitivity, result: Result) -> list[str]:
    """What does this and nothing worse, by kind of change: ``size: x.shape[0], x.shape[1]``."""
    by_kind: dict[Change, dict[str, None]] = {}
    for one in sensitivity.probes:
        if one.result is result:
            by_kind.setdefault(one.probe.change, {})[one.probe.path] = None
    return [f"{change}: {listed(paths, _MOST_PATHS)}" for change, paths in by_kind.items()]


def sensitivity_lines(sensitivity: Sensitivity, width: int, *, complete: bool) -> list[Line]:
    """The table of a case.

    Args:
        sensitivity: What became of the calls.
        width: Columns of the terminal.
        complete: List what recompiles, what changes nothing and what is no valid call, too.
    """
    lines = block(summary(sensitivity), width, indent=2, hang=2)
    found = rows(sensitivity)
    shown = [row for row in found if complete or row.is_shown]
    for row in shown:
        lines += [EMPTY, *_row_lines(row, width)]
    lines.append(EMPTY)
    by_kind: dict[Change, dict[str, None]] = {}
    for row in found if not complete else ():
        if not row.is_shown:
            by_kind.setdefault(row.worst.probe.change, {})[row.worst.probe.path] = None
    if by_kind:
        named = "; ".join(f"{change}: {listed(paths, _MOST_PATHS)}" for change, paths in by_kind.items())
        words = "right here, and predicted to go wrong with inductor"
        lines += block(f"{words}: {named}", width, indent=2, hang=2, style="magenta")
    for result, words in (
        (Result.REFUSED, "refused"),
        (Result.RECOMPILES, "recompiles, and is right without its guard"),
    ):
        if told := gentler(sensitivity, result):
            lines += block(f"{words}: {'; '.join(told)}", width, indent=2, hang=2, style="yellow")
    if complete:
        if told := gentler(sensitivity, Result.SAME):
            lines += block(f"the same: {'; '.join(told)}", width, indent=2, hang=2, style="green")
        lines += _refused_lines(sensitivity.probes, width)
    return lines


def _row_lines(row: SensitivityRow, width: int) -> list[Line]:
    result = row.worst.result
    style = _STYLES.get(result, "yellow") if result is not None else ""
    title = f"{row.worst.probe.change}: {flat(row.change, 200)}"
    declared = " (PROBES says that such calls are made)" if row.worst.declared else ""
    lines = block(f"{title}{declared}", width, indent=2, hang=2, style="bold")
    lines += block(flat(row.results), width, indent=4, hang=2, style=style)
    if row.guard:
        lines += block(f"guard on {flat(row.guard, 300)}", width, indent=4, hang=2)
    return [*lines, *place_line(row.worst.location, width, indent=4)]


def _refused_lines(probes: Sequence[Probed], width: int) -> list[Line]:
    refused = [one for one in probes if one.refused is not None]
    lines: list[Line] = []
    for one in refused[:_MOST_REFUSED]:
        text = f"no valid call: {flat(one.probe.name, 120)}: {flat(str(one.refused), 160)}"
        lines.append((Span(f"  {cropped(text, width - 2)}", "dim"),))
    more = len(refused) - _MOST_REFUSED
    return [*lines, *block(f"and {more} more", width, indent=2, style="dim")] if more > 0 else lines


def _told(outcome: Outcome) -> str:
    return outcome_text(outcome)


def _rank(outcome: Outcome) -> tuple[int, bool]:
    return list(Consequence).index(outcome.consequence), outcome.predicted is not None


def _badness(one: Probed) -> tuple[int, bool, int]:
    """Declared ones and those that are shown come before others of the same consequence."""
    worst = worst_of(_consequences(one))
    shown = any(each.consequence is worst and each.predicted is None for each in one.outcomes)
    return list(Consequence).index(worst), not (shown or one.ended), not one.declared


def _consequences(one: Probed) -> Iterable[Consequence]:
    return [Consequence.RAISES] if one.ended is not None else [each.consequence for each in one.outcomes]
