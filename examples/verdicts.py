"""What the analyzer says about every state of every incident: the tables of docs/reference/incidents.md.

Analyse them all and write the tables anew, from the root of the checkout, with::

    python examples/verdicts.py
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from steadygraph import analyze
from steadygraph.model import CaseReport, Outcome, Result, ScenarioReport, Severity

EXAMPLES = Path(__file__).resolve().parent
PAGE = EXAMPLES.parent / "docs" / "reference" / "incidents.md"
#: What is between two such lines of the page is written here.
BEGIN, END = "<!-- made by python examples/verdicts.py: {} -->", "<!-- end -->"


@dataclass(frozen=True)
class State:
    """One state of an incident: a case file and the policies that it is judged under."""

    folder: str
    name: str
    policies: tuple[str, ...]

    @property
    def file(self) -> Path:
        return EXAMPLES / self.folder / f"{self.name}.py"

    def __str__(self) -> str:
        return f"{self.folder}/{self.name}.py"


COMPILED = ("recompile", "drop", "shapes-only")
#: Where start-up captures graphs.
CAPTURED = (*COMPILED, "cuda-graph")
STATES = (
    *(State("deepstack", name, CAPTURED) for name in ("v0", "v1", "v2", "v3", "reference")),
    *(State("evs", name, CAPTURED) for name in ("before", "after")),
    *(State("merging", name, CAPTURED) for name in ("bool_index", "masked_scatter", "cpu_mask", "reference")),
    *(State("moe_scratch", name, COMPILED) for name in ("before", "before_reallocates", "after")),
)


def analysed(state: State) -> CaseReport:
    """The state's report, made in this process."""
    return analyze(state.file, policies=state.policies).cases[0]


def table(state: State, report: CaseReport) -> list[str]:
    """Scenario by policy: what happens, and which rule says so; in Markdown."""
    # Eager mode has a column of its own where it is wrong itself.
    eager = ["eager"] if any(scenario.leak for scenario in report.scenarios) else []
    columns = [*eager, *state.policies]
    lines = [f"| scenario | {' | '.join(columns)} | findings |", "|---" * (2 + len(columns)) + "|"]
    for scenario in report.scenarios:
        words = {str(outcome.policy): happens(outcome) for outcome in scenario.outcomes}
        words["eager"] = in_eager_mode(scenario)
        cells = [scenario.name, *(words[column] for column in columns), ", ".join(found(report, scenario.name))]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def happens(outcome: Outcome) -> str:
    """The result; on a simulated device, what is predicted."""
    return str(outcome.predicted or outcome.result)


def in_eager_mode(scenario: ScenarioReport) -> str:
    """What it does there; wrong is what a fresh model does otherwise."""
    if scenario.eager_error is not None:
        return str(Result.RAISES)
    return str(Result.SAME if scenario.leak is None else Result.SILENT_WRONG)


def found(report: CaseReport, scenario: str) -> list[str]:
    """The rules that speak of a scenario above a note, the worst first."""
    loud = (one for one in report.findings if one.scenario == scenario and one.severity is not Severity.NOTE)
    return list(dict.fromkeys(f"{one.severity} [{one.rule}](rules/{one.rule}.md) {one.name}" for one in loud))


def received() -> list[str]:
    """What the decoder receives from each store."""
    sys.path.insert(0, str(EXAMPLES / "deepstack"))
    lines: list[str] = importlib.import_module("received").table()
    return lines


def tables(report_of: Callable[[State], CaseReport]) -> Iterator[tuple[str, list[str]]]:
    """(name, lines) of every table of the page."""
    yield "what the decoder receives", received()
    for state in STATES:
        yield str(state), table(state, report_of(state))


def written(text: str, name: str, lines: list[str]) -> str:
    """The page with these lines in their place."""
    begin = BEGIN.format(name)
    place = re.compile(f"({re.escape(begin)}\n).*?({re.escape(END)})", re.DOTALL)
    new, places = place.subn(lambda match: "\n".join([begin, *lines, END]), text)
    if places != 1:
        raise SystemExit(f"{PAGE.name} has {places} places for {name!r}, and 1 is needed:\n{begin}\n{END}")
    return new


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in tables(analysed):
        text = written(text, name, lines)
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
