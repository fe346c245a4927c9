"""What every scenario does under every policy: the table of one case."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from steadygraph.model import PROFILE, Leak, Outcome, Policy, Result, ScenarioReport, WrongInEager
from steadygraph.report.text.layout import Line, Span, block, cells, cropped, enumerated, flat, shortened

_STYLES = {
    Result.SAME: "green",
    Result.RECOMPILES: "yellow",
    Result.SILENT_WRONG: "bold red",
    Result.RAISES: "bold red",
    Result.REFUSED: "yellow",
    Result.UNPROVED: "magenta",
}
#: More rows than this are folded where nothing happens in them.
_MANY = 12
_WIDEST_NAME = 24
#: More scenarios than this are not named where nothing happens in any.
_MOST_NAMES = 4
GAP = 2

Column = tuple[Policy, str]
#: What heads the column of eager mode.
EAGER = "eager"


def policy_label(outcome: Outcome) -> str:
    """``drop``, ``drop inductor``: eager is the back end that need not be named."""
    return column_label((outcome.policy, outcome.backend))


def outcome_table(scenarios: Sequence[ScenarioReport], width: int, *, fold: bool = True) -> list[Line]:
    """One row per scenario that was judged, one column per policy and back end, and one where eager mode is wrong.

    The profile call has a row only where something happens to it, which is rare enough to be seen.

    Args:
        scenarios: The scenarios of one case.
        width: Columns of the terminal; a table that does not fit becomes one paragraph per scenario.
        fold: Count the scenarios in which nothing happens, where there are many, and leave out such a profile call.
    """
    judged = [scenario for scenario in scenarios if scenario.outcomes]
    quiet = [scenario for scenario in judged if is_same(scenario)]
    if fold:
        judged = [scenario for scenario in judged if scenario.name != PROFILE or scenario not in quiet]
        quiet = [scenario for scenario in quiet if scenario.name != PROFILE]
    if not judged:
        return []
    columns = policy_columns(judged)
    folded = quiet if fold and len(judged) > _MANY and len(quiet) > 1 else []
    shown = [scenario for scenario in judged if not any(scenario is each for each in folded)]
    eager = shows_eager(judged)
    labels = [*([EAGER] if eager else []), *map(column_label, columns)]
    rows = [_row(scenario, columns, eager=eager) for scenario in shown]
    header = [Span(text, "dim") for text in ("", *labels)]
    lines = grid([header, *rows], width) or _paragraphs(rows, labels, width)
    if folded:
        lines.append((Span(f"  {len(folded)} {'more ' if shown else ''}scenarios: same under every policy", "dim"),))
    return lines


def unchanged(scenarios: Sequence[ScenarioReport]) -> str:
    """``recompile and drop change nothing in text and image``; empty if anything happens in any scenario."""
    judged = [scenario for scenario in scenarios if scenario.outcomes]
    served = [scenario.name for scenario in judged if scenario.name != PROFILE]
    if not served or not all(map(is_same, judged)):
        return ""
    names = enumerated(served, _WIDEST_NAME) if len(served) <= _MOST_NAMES else f"all {len(served)} scenarios"
    policies = [column_label(column) for column in policy_columns(judged)]
    return f"{enumerated(policies)} change{'s' if len(policies) == 1 else ''} nothing in {names}"


def is_same(scenario: ScenarioReport) -> bool:
    """Does nothing happen in it, under no policy?"""
    return _wrong_in_eager(scenario) is None and all(
        outcome_text(outcome) == Result.SAME for outcome in scenario.outcomes
    )


def shows_eager(scenarios: Iterable[ScenarioReport]) -> bool:
    """Is eager mode itself wrong in any of them?  Then it has a column of its own."""
    return any(_wrong_in_eager(scenario) for scenario in scenarios)


def eager_text(scenario: ScenarioReport) -> str:
    """What eager mode does, in the words of an outcome; wrong is what a fresh model or the reference does otherwise."""
    result = eager_result(scenario)
    wrong = _wrong_in_eager(scenario)
    error = None if wrong is None else wrong.max_abs_error
    return f"{result} ({error_size(error)})" if result is Result.SILENT_WRONG and error is not None else str(result)


def eager_result(scenario: ScenarioReport) -> Result:
    if scenario.eager_error is not None:
        return Result.RAISES
    return Result.SAME if _wrong_in_eager(scenario) is None else Result.SILENT_WRONG


def _wrong_in_eager(scenario: ScenarioReport) -> WrongInEager | Leak | None:
    return scenario.wrong_in_eager or scenario.leak


def outcome_text(outcome: Outcome) -> str:
    """``silent-wrong (0.59)``, ``recompiles (1)``, ``predicted raises``, ``raises (aot_eager)``."""
    if outcome.predicted not in (None, outcome.result):
        return f"predicted {outcome.predicted}"
    below = [] if outcome.shown_by is None else [cropped(flat(outcome.shown_by), 16)]
    if outcome.result is Result.RECOMPILES and outcome.recompiles is not None:
        return f"{outcome.result} ({outcome.recompiles})"
    if outcome.result is Result.SILENT_WRONG and outcome.max_abs_error is not None:
        return f"{outcome.result} ({', '.join([error_size(outcome.max_abs_error), *below])})"
    return f"{outcome.result} ({', '.join(below)})" if below else str(outcome.result)


def error_size(error: float) -> str:
    """Two digits are enough to see how bad it is: ``0.59``, ``1e-05``, ``123``."""
    return f"{error:.0f}" if 10 <= error < 1e6 else f"{error:.2g}"


def column_label(column: Column) -> str:
    """``drop``, ``drop inductor``."""
    policy, backend = column
    return str(policy) if backend == "eager" else f"{policy} {cropped(flat(backend), 16)}"


def policy_columns(scenarios: Iterable[ScenarioReport]) -> list[Column]:
    """Policies and back ends under which any of them was judged, in the order of the policies."""
    order = tuple(Policy)
    seen = dict.fromkeys((o.policy, o.backend) for scenario in scenarios for o in scenario.outcomes)
    return sorted(seen, key=lambda column: order.index(column[0]))


def _row(scenario: ScenarioReport, columns: list[Column], *, eager: bool) -> list[Span]:
    found = {(outcome.policy, outcome.backend): outcome for outcome in scenario.outcomes}
    truth = [Span(eager_text(scenario), _STYLES[eager_result(scenario)])] if eager else []
    name = Span(shortened(flat(scenario.name, 200), _WIDEST_NAME))
    return [name, *truth, *(_cell(found.get(column)) for column in columns)]


def _cell(outcome: Outcome | None) -> Span:
    if outcome is None:
        return Span("-", "dim")
    return Span(outcome_text(outcome), _STYLES[outcome.predicted or outcome.result])


def grid(rows: list[list[Span]], width: int) -> list[Line]:
    """The rows in aligned columns; nothing if they are too wide."""
    sizes = [max(cells(row[number].text) for row in rows) for number in range(len(rows[0]))]
    if GAP + sum(sizes) + GAP * (len(sizes) - 1) > width:
        return []
    lines = []
    for row in rows:
        spans = [Span(" " * GAP)]
        for span, size in zip(row[:-1], sizes, strict=False):
            spans += [span, Span(" " * (size - cells(span.text) + GAP))]
        lines.append((*spans, row[-1]))
    return lines


def _paragraphs(rows: list[list[Span]], labels: Sequence[str], width: int) -> list[Line]:
    """A scenario per paragraph: its name, then a policy and its result per line; on two, where one is too long."""
    size = max(map(cells, labels))
    widest = max(cells(result.text) for _, *results in rows for result in results)
    fits = 4 + size + GAP + widest <= width
    lines: list[Line] = []
    for name, *results in rows:
        lines.append((Span(f"  {name.text}"),))
        for label, result in zip(labels, results, strict=True):
            if fits:
                lines.append((Span(f"    {label}{' ' * (size - cells(label) + GAP)}", "dim"), result))
                continue
            lines += block(label, width, indent=4, style="dim")
            lines += block(result.text, width, indent=6, style=result.style)
    return lines
