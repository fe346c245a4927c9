"""The targets of a sweep as a table, worst first, with a line for each that has no result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from steadygraph.history.changes.changes import RANK
from steadygraph.model import Result, Status
from steadygraph.model.run import counted
from steadygraph.report.ci.markdown import escaped
from steadygraph.report.text.layout import cells, flat, shortened
from steadygraph.sweep.entry import Entry

_HEAD = ("target", "result", "errors", "warnings", "notes", "s", "MiB")
_WIDEST = 60
_LONGEST_REASON = 200


def worst_first(entries: Iterable[Entry]) -> list[Entry]:
    """Without a result, then by findings, then by how bad the worst outcome is; what is left out comes last."""
    return sorted(entries, key=lambda each: (_badness(each), each.target))


def text(entries: Sequence[Entry], missing: Sequence[str] = ()) -> str:
    """For a terminal; ends in a newline."""
    ordered = worst_first(entries)
    shown = [(shortened(flat(each.target, 1000), _WIDEST), *_cells(each)) for each in ordered]
    widths = [max(cells(row[column]) for row in (_HEAD, *shown)) for column in range(len(_HEAD))]
    lines = [_line(_HEAD, widths)]
    for entry, row in zip(ordered, shown, strict=True):
        lines.append(_line(row, widths))
        lines += [f"  {reason}" for reason in _reason(entry)]
    lines += [f"{shortened(flat(target, 1000), _WIDEST)}  not run" for target in missing]
    return "\n".join([*lines, "", totals(entries, missing)]) + "\n"


def markdown(entries: Sequence[Entry], missing: Sequence[str] = ()) -> str:
    """For a page: a table of what was analysed, and one of what was not; ends in a newline."""
    ordered = worst_first(entries)
    analysed = [each for each in ordered if each.is_analysed]
    others = [each for each in ordered if not each.is_analysed]
    lines = [f"{escaped(totals(entries, missing))}", ""]
    if analysed:
        lines += ["| target | worst outcome | errors | warnings | notes | rules | s |", "|---|---|--:|--:|--:|---|--:|"]
        lines += [_row(each) for each in analysed]
    if others or missing:
        lines += ["", "| not analysed | why |", "|---|---|"]
        lines += [f"| {escaped(each.target)} | {escaped(' '.join(_reason(each)))} |" for each in others]
        lines += [f"| {escaped(target)} | not run |" for target in missing]
    return "\n".join(lines) + "\n"


#: How a sweep can be shown, by the name of the format.
FORMATS: Mapping[str, Callable[[Sequence[Entry], Sequence[str]], str]] = {"text": text, "markdown": markdown}


def totals(entries: Sequence[Entry], missing: Sequence[str] = ()) -> str:
    """``12 targets: 9 analysed (1 with errors, 3 with warnings), 2 left out, 1 failed; 123 s of work``."""
    analysed = [each for each in entries if each.is_analysed]
    errors = sum(each.errors > 0 for each in analysed)
    warnings = sum(each.warnings > 0 and not each.errors for each in analysed)
    found = [f"{number:,} with {name}" for number, name in ((errors, "errors"), (warnings, "warnings")) if number]
    counts = Counter(result(each) for each in entries if not each.is_analysed)
    parts = [f"{len(analysed):,} analysed" + (f" ({', '.join(found)})" if found else "")]
    parts += [f"{counts[name]:,} {name}" for name in ("failed", "timed-out", "left out") if counts[name]]
    parts += [f"{len(missing):,} not run"] if missing else []
    seconds = sum(each.seconds for each in entries)
    return f"{counted(len(entries) + len(missing), 'target')}: {', '.join(parts)}; {seconds:,.0f} s of work"


def result(entry: Entry) -> str:
    """``silent-wrong``, the worst outcome; or why there is none."""
    if entry.is_left_out:
        return "left out"
    if not entry.is_analysed:
        return entry.status.value
    return _worst(entry).value if entry.outcomes else "nothing proved"


def line(entry: Entry) -> str:
    """One target on one line, for a log."""
    found = [counted(entry.errors, "error")] * (entry.errors > 0) + [counted(entry.warnings, "warning")] * (
        entry.warnings > 0
    )
    told = ": ".join([result(entry), *_reason(entry)]) if not entry.is_analysed else ", ".join([result(entry), *found])
    return f"{flat(entry.target, 200)}: {told} ({entry.seconds:.1f} s)"


def _badness(entry: Entry) -> tuple[int, ...]:
    if entry.is_left_out:
        return (2,)
    if not entry.is_analysed:
        return (0, -entry.exit_code if entry.status is Status.FAILED else 0)
    return (1, -entry.errors, -entry.warnings, -RANK.index(_worst(entry)), -entry.notes)


def _worst(entry: Entry) -> Result:
    return max((Result(each) for each in entry.outcomes.values()), key=RANK.index, default=RANK[0])


def _cells(entry: Entry) -> tuple[str, ...]:
    counts = [str(number) if entry.is_analysed else "" for number in (entry.errors, entry.warnings, entry.notes)]
    peak = "" if entry.peak_bytes is None else f"{entry.peak_bytes / 2**20:.0f}"
    return (result(entry), *counts, f"{entry.seconds:.1f}", peak)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = [part + " " * (width - cells(part)) for part, width in zip(row[:2], widths[:2], strict=True)]
    right = [part.rjust(width) for part, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join([*left, *right]).rstrip()


def _row(entry: Entry) -> str:
    rules = ", ".join(f"{rule}: {number}" for rule, number in entry.rules.items())
    counts = f"{entry.errors} | {entry.warnings} | {entry.notes}"
    return f"| {escaped(entry.target)} | {result(entry)} | {counts} | {rules} | {entry.seconds:.1f} |"


def _reason(entry: Entry) -> list[str]:
    return [] if entry.problem is None else [flat(entry.problem.message, _LONGEST_REASON)]
