"""The report in a terminal: per case what each scenario does under each policy, then the findings."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from steadygraph.model import CaseReport, Status
from steadygraph.model.run import FailOn, RunReport, counted, summarised
from steadygraph.report.portable import Renderable, portable
from steadygraph.report.text.budget import budget_lines
from steadygraph.report.text.findings import finding_lines, is_shortened
from steadygraph.report.text.layout import EMPTY, NARROWEST, Line, Span, block, cells, flat, printable, shortened
from steadygraph.report.text.places import place_lines
from steadygraph.report.text.remarks import is_quiet, remark_lines
from steadygraph.report.text.sensitivity import sensitivity_lines
from steadygraph.report.text.table import outcome_table
from steadygraph.report.text.wording import compiled

if TYPE_CHECKING:
    from rich.segment import Segment

_MOST_LINES_OF_AN_ERROR = 12
#: Indentation that is kept in them.
_DEEPEST = 8


def render(
    report: Renderable,
    *,
    width: int = 80,
    color: bool = False,
    verbose: bool = False,
    quiet: bool = False,
    root: Path | None = None,
) -> str:
    """A report as text: the loudest findings of each case in full, quieter ones in two lines.

    Args:
        report: Any report.
        width: Columns of the terminal; lines keep to it from 40 on.
        color: Write ANSI codes.
        verbose: Leave nothing out: all findings in full, every violated guard, the environment.
        quiet: One line per case and nothing else.
        root: What paths become relative to; the current directory by default.

    Returns:
        Lines that each end in a newline.  Without ``color`` they hold no control character.
    """
    lines = _lines(portable(report, root).report, max(width, NARROWEST), verbose=verbose, quiet=quiet)
    return joined(lines, width, color=color)


def joined(lines: list[Line], width: int, *, color: bool) -> str:
    """Lines as text, each ended by a newline."""
    if not color:
        return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)
    from rich.console import Console

    file = io.StringIO()
    # Everything is said here, so that nothing of it is taken from the process (NO_COLOR, TERM).
    console = Console(
        file=file, force_terminal=True, color_system="standard", no_color=False, width=width, legacy_windows=False
    )
    console.print(_Segments(lines), end="", soft_wrap=True)
    return file.getvalue()


def segments(report: Renderable, *, width: int) -> Iterator[Segment]:
    """A report for a rich console."""
    yield from _Segments(lines(report, width)).__rich_console__()


def lines(report: Renderable, width: int) -> list[Line]:
    """A report as lines of at most so many columns, to be shown by whatever knows their styles."""
    return _lines(portable(report).report, max(width, NARROWEST))


class _Segments:
    """Finished lines in rich's own form: no markup, no highlighting, no wrapping takes place any more."""

    def __init__(self, lines: list[Line]) -> None:
        self.lines = lines

    def __rich_console__(self, *_: object) -> Iterator[Segment]:
        from rich.segment import Segment
        from rich.style import Style

        for line in self.lines:
            yield from (Segment(span.text, Style.parse(span.style)) for span in line)
            yield Segment.line()


def _lines(report: RunReport, width: int, *, verbose: bool = False, quiet: bool = False) -> list[Line]:
    if quiet:
        return [line for case in report.cases for line in _quiet_lines(case, width)]
    lines: list[Line] = []
    for case in report.cases:
        lines += [*_case_lines(case, width, verbose=verbose, fail_on=report.fail_on), EMPTY]
    if verbose:
        versions = ", ".join(f"{flat(name, 40)} {flat(value, 80)}" for name, value in report.environment.items())
        lines += block(versions, width, style="dim")
    interrupted = "interrupted: " if report.interrupted else ""
    shortened_ones = not verbose and any(is_shortened(case) for case in report.cases)
    more = "; --verbose shows every fix" if shortened_ones else ""
    return [*lines, *block(f"{interrupted}{report.summary}{more}", width, style="bold")]


def _quiet_lines(case: CaseReport, width: int) -> list[Line]:
    """Target and result on one line, however long: it is there to be searched."""
    name = printable(case.target)
    if case.status is not Status.COMPLETED:
        reason = f": {flat(case.error.message)}" if case.error else ""
        return [(Span(name), Span(f": {case.status}{reason}", "red"))]
    return [(Span(f"{name}: {summarised([case]).findings if case.findings else 'no findings'}"),)]


def _case_lines(case: CaseReport, width: int, *, verbose: bool, fail_on: FailOn) -> list[Line]:
    lines = _verbose_title_lines(case, width) if verbose else title_lines(case, width)
    if case.status is not Status.COMPLETED:
        lines += failure_lines(case, width)
    notes = verbose or fail_on == "note"
    if case.sensitivity is not None:
        lines += sensitivity_lines(case.sensitivity, width, complete=verbose)
    if verbose or not (case.sensitivity or is_quiet(case, notes=notes)):
        lines += outcome_table(case.scenarios, width, fold=not verbose)
    findings = finding_lines(case, width, notes=notes, complete=verbose)
    lines += [EMPTY, *findings] if findings else []
    lines += remark_lines(case, width, notes=notes, every_guard=verbose)
    budget = budget_lines(case, width)
    return [*lines, EMPTY, *budget] if budget else lines


def title_lines(case: CaseReport, width: int) -> list[Line]:
    """The target, and what was compiled: behind it if the line is wide enough."""
    title = Span(shortened(flat(case.target, 1000), width), "bold underline")
    if not case.regions:
        return [(title,)]
    what = compiled(case.regions)
    if cells(title.text) + 3 + cells(what) <= width:
        return [(title, Span(f" ({what})", "dim"))]
    return [(title,), *block(what, width, indent=2, hang=2, style="dim")]


def _verbose_title_lines(case: CaseReport, width: int) -> list[Line]:
    lines: list[Line] = [(Span(shortened(flat(case.target, 1000), width), "bold underline"),)]
    for region in case.regions:
        lines += block(compiled((region,)), width, indent=2, hang=2, style="dim")
        lines += place_lines(region.location, width)
    return lines


def failure_lines(case: CaseReport, width: int) -> list[Line]:
    """Why there is no result; an error of the target may have several lines, the last ones tell most."""
    if case.error is None:
        return block(str(case.status), width, indent=2, style="bold red")
    message = case.error.message.strip().splitlines() or ["no reason is known"]
    cut = max(len(message) - _MOST_LINES_OF_AN_ERROR, 0)
    first, *rest = message[:1] + ([f"... {counted(cut, 'line')} left out ..."] if cut else []) + message[1 + cut :]
    title = f"{case.status} ({flat(case.error.type, 60)}): {flat(first)}"
    lines = block(title, width, indent=2, hang=2, style="bold red")
    for line in rest:
        depth = min(len(line) - len(line.lstrip()), _DEEPEST)
        lines += block(flat(line), width, indent=4 + depth)
    if case.error.hint:
        lines += block(f"hint: {flat(case.error.hint)}", width, indent=2, hang=6, style="green")
    return lines
