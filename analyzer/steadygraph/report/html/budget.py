"""The guards worth keeping, as the page shows them."""

from __future__ import annotations

from dataclasses import dataclass

from steadygraph.model import CaseReport
from steadygraph.report.text.budget import HEADER, SetRow, kept_text, reason, remarks, rows, title


@dataclass(frozen=True, slots=True)
class BudgetView:
    """Title, (guard, what it stops) pairs, remarks, and a table of all choices."""

    title: str
    kept: list[tuple[str, str]]
    remarks: list[str]
    header: tuple[str, ...]
    rows: list[SetRow]


def budget_view(case: CaseReport) -> BudgetView | None:
    """What there is to show; None where no budget was asked for."""
    budget = case.budget
    if budget is None:
        return None
    return BudgetView(
        title=title(budget),
        kept=[(kept_text(one), reason(one)) for one in budget.kept],
        remarks=list(remarks(budget)),
        header=HEADER,
        rows=list(rows(case, budget)),
    )
