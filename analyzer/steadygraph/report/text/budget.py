"""The guards worth keeping: which, why, what each choice of guards costs and what it lets through."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steadygraph.model import PROFILE, CaseReport, Consequence
from steadygraph.model.budget import Budget, KeptGuard
from steadygraph.report.text.layout import EMPTY, Line, Span, block, cells, cropped, enumerated, flat
from steadygraph.report.text.table import GAP, grid

_BAD = (Consequence.SILENT_WRONG, Consequence.RAISES)
HEADER = ("guards kept", "number", "us a call", "KiB", "lets through", "stops needlessly")
#: From this column on they name scenarios, which are cut to no fewer characters than that.
_NAMES, _NARROWEST_NAMES = 4, 12
_STYLE = "dim"


@dataclass(frozen=True, slots=True)
class SetRow:
    """One choice of guards, in words.

    ``lets_through`` are scenarios that are wrong without guards and that none of these stops; where the policy was
    judged, those that it gets wrong.  ``stops`` are right without guards, and are stopped all the same.
    """

    name: str
    number: str
    us_per_call: str
    kibibytes: str
    lets_through: str
    stops: str


def budget_lines(case: CaseReport, width: int) -> list[Line]:
    """The budget of a case; nothing where none was asked for."""
    budget = case.budget
    if budget is None:
        return []
    lines = [*block(title(budget), width, indent=2, hang=2, style="bold")]
    for one in budget.kept:
        lines += block(kept_text(one), width, indent=4, hang=2)
        lines += block(reason(one), width, indent=6, hang=2, style="dim")
    for remark in remarks(budget):
        lines += block(remark, width, indent=4, hang=2, style="yellow")
    return [*lines, EMPTY, *_table(case, budget, width)]


def title(budget: Budget) -> str:
    """``guards worth keeping: 1 of 462, and 1 of what is compiled again``."""
    total = next((each.guards for each in budget.sets if each.name == "all"), None) or 0
    if not budget.kept:
        why = "no scenario is wrong for want of one" if not budget.wrong else "none helps"
        return f"guards worth keeping: none of {total:,}: {why}"
    fewest = "" if budget.at_least == len(budget.kept) else f", and no fewer than {budget.at_least} can be"
    later = sum(one.made_for != PROFILE for one in budget.kept)
    again = f", and {later} of what is compiled again" if later else ""
    return f"guards worth keeping: {len(budget.kept) - later} of {total:,}{again}{fewest}"


def kept_text(kept: KeptGuard) -> str:
    """What is asked, and where it was made."""
    where = f" ({flat(kept.guard.file, 200)}:{kept.line})" if kept.line is not None else ""
    return f"{flat(kept.says, 200)}{where}"


def reason(kept: KeptGuard) -> str:
    """Which calls it stops."""
    calls = enumerated(kept.protects) if kept.protects else "none"
    if kept.made_for == PROFILE:
        return f"stops {calls}"
    return f"in what is compiled for {flat(kept.made_for, 60)}: leaves {calls} to the entry of the profile call"


def remarks(budget: Budget) -> Iterator[str]:
    """What no choice of guards does."""
    for one in budget.unprotected:
        yield f"not protected: {flat(one.scenario, 60)}: {flat(one.why)}"
    yield from map(flat, budget.notes)


def rows(case: CaseReport, budget: Budget) -> Iterator[SetRow]:
    """The choices of guards, as the tables show them."""
    for each in budget.sets:
        wrong = _judged_wrong(case, each.name)
        if wrong is None and each.guards is None:
            continue
        through = [call for call in budget.wrong if call not in each.protects] if wrong is None else wrong
        yield SetRow(
            flat(each.name, 60),
            "-" if each.guards is None else f"{each.guards:,}",
            "-" if each.us_per_call is None else f"{each.us_per_call:.2f}",
            "-" if each.memory_bytes is None else f"{each.memory_bytes / 1024:,.0f}",
            ", ".join(through) or "-",
            ", ".join(each.stops) or "-",
        )


def _judged_wrong(case: CaseReport, policy: str) -> list[str] | None:
    """The scenarios that a policy gets wrong and others do not; None: it was not judged."""
    budget = case.budget
    outcomes = [(one.name, outcome) for one in case.scenarios for outcome in one.outcomes if outcome.policy == policy]
    if not outcomes or budget is None:
        return None
    helpless = {one.scenario for one in budget.unprotected} - set(budget.wrong)
    found = [name for name, outcome in outcomes if outcome.consequence in _BAD and name not in helpless]
    return list(dict.fromkeys(found))


def _table(case: CaseReport, budget: Budget, width: int) -> list[Line]:
    """All choices in columns; names of scenarios are cut, and columns left out, where there is no room."""
    shown = [
        HEADER,
        *((r.name, r.number, r.us_per_call, r.kibibytes, r.lets_through, r.stops) for r in rows(case, budget)),
    ]
    needless = any(row[-1] != "-" for row in shown[1:])
    for columns in ((0, 1, 2, 3, 4, 5) if needless else (0, 1, 2, 3, 4), (0, 1, 2, 4), (0, 1, 2)):
        room = _room(shown, columns, width)
        cut = [[cropped(flat(row[c], 400), room) if c >= _NAMES else row[c] for c in columns] for row in shown]
        if lines := grid([_spans(row, _STYLE if number == 0 else "") for number, row in enumerate(cut)], width):
            return lines
    return [
        line for row in shown[1:] for line in block(f"{row[0]}: {row[1]} guards, {row[2]} us a call", width, indent=4)
    ]


def _room(shown: Sequence[Sequence[str]], columns: Sequence[int], width: int) -> int:
    """How wide each of the columns with names of scenarios may be."""
    fixed = sum(max(cells(row[column]) for row in shown) + GAP for column in columns if column < _NAMES)
    names = sum(column >= _NAMES for column in columns)
    return max((width - GAP - fixed) // max(names, 1) - GAP, _NARROWEST_NAMES)


def _spans(row: Sequence[str], style: str) -> list[Span]:
    return [Span(text, style) for text in row]
