"""What ``steadygraph budget`` prints: of each target the guards worth keeping, and nothing else."""

from __future__ import annotations

from steadygraph.model import Status
from steadygraph.model.run import RunReport
from steadygraph.report.text.budget import budget_lines
from steadygraph.report.text.layout import EMPTY, NARROWEST, Line
from steadygraph.report.text.text import failure_lines, joined, title_lines


def render(report: RunReport, *, width: int = 80, color: bool = False) -> str:
    """The budgets of a report that is made portable, as text.

    Args:
        report: All its cases.
        width: Columns of the terminal.
        color: Write ANSI codes.
    """
    columns = max(width, NARROWEST)
    lines: list[Line] = []
    for number, case in enumerate(report.cases):
        lines += [EMPTY] if number else []
        lines += title_lines(case, columns)
        lines += failure_lines(case, columns) if case.status is not Status.COMPLETED else budget_lines(case, columns)
    return joined(lines, width, color=color)
