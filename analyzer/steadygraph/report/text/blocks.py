"""A finding in full: what happens, before and now, the line of the model, what the graph lacks, what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steadygraph.model import CaseReport, Finding, GraphChange, Location, ScenarioReport
from steadygraph.model.run import counted
from steadygraph.report.text.grouping import Entry, Place
from steadygraph.report.text.layout import Line, Span, block, cells, flat, styled
from steadygraph.report.text.places import place_line, place_lines
from steadygraph.report.text.wording import what_changed, what_happens, what_the_graph_lacks

#: Style of a title from the name of its severity on.
STYLES = {"error": "bold red", "warning": "yellow", "note": "cyan", "accepted": "dim"}
#: Places of one defect that are shown.
_MOST_PLACES = 6
_INDENT = 4


class Blocks:
    """Writes the findings of one case in full, and remembers what was said.

    Args:
        case: The case; its scenarios say what happened.
        width: Columns of the terminal.
        complete: Leave nothing out: every place, with its folders, and all that the graph lacks.
    """

    def __init__(self, case: CaseReport, width: int, *, complete: bool) -> None:
        self.scenarios = {scenario.name: scenario for scenario in case.scenarios}
        self.regions = len(case.regions) != 1 or complete
        self.width = width
        self.complete = complete
        self.told: set[GraphChange] = set()

    def lines(self, entry: Entry) -> list[Line]:
        """What happens first; what to do last."""
        first = entry.first
        concerned = [self.scenarios[name] for name in entry.scenarios if name in self.scenarios]
        lines = self._title(entry, concerned)
        graph = self._untold_graph(concerned) if first.consequence.shows_in_outcomes else None
        if len(entry.places) == 1 and first.consequence.shows_in_outcomes:
            fact, is_joined = self._fact(first, graph)
            lines += [*fact, *self._change(entry.places[0]), *self._source(first.location)]
            graph = None if is_joined else graph
        else:
            lines += self._places(entry)
        if graph is not None:
            lines += self._paragraph(self._lacks(graph, first), hang=2)
        return lines + (self._paragraph(f"fix: {flat(first.fix, 600)}", hang=5, style="green") if first.fix else [])

    def _title(self, entry: Entry, concerned: Sequence[ScenarioReport]) -> list[Line]:
        """Which rule, in which scenarios, and what happens there; on one line if it fits."""
        first, title = entry.first, entry.title(regions=self.regions)
        style = STYLES[first.severity]
        if not first.consequence.shows_in_outcomes:
            lines = block(f"{title}: {flat(first.message)}", self.width, indent=2, hang=2)
            return styled(lines, first.severity, style)
        happens = what_happens(entry.findings, concerned)
        if 2 + cells(f"{title}: {happens}") <= self.width:
            return styled(block(f"{title}: {happens}", self.width, indent=2, style="bold"), first.severity, style)
        lines = styled(block(title, self.width, indent=2, hang=2, style="bold"), first.severity, style)
        return lines + self._paragraph(happens, hang=2, style="bold")

    def _fact(self, finding: Finding, graph: GraphChange | None) -> tuple[list[Line], bool]:
        """The message, and what the graph lacks if the message's last line has room for all of it; whether it had."""
        lines = self._paragraph(flat(finding.message))
        if graph is None or self.complete:
            return lines, False
        (last,) = lines[-1]
        lacks = self._lacks(graph, finding)
        if cells(last.text) + 2 + cells(lacks) > self.width:
            return lines, False
        return [*lines[:-1], (Span(f"{last.text}; {lacks}"),)], True

    def _places(self, entry: Entry) -> Iterator[Line]:
        """Per place the message and the line of source, unless the place before said the same."""
        most = len(entry.places) if self.complete else _MOST_PLACES
        said = None if entry.first.consequence.shows_in_outcomes else entry.first.message
        shown: Location | None = None
        for place in entry.places[:most]:
            if place.first.message != said:
                said, shown = place.first.message, None
                yield from self._paragraph(flat(said))
            yield from self._change(place)
            if place.first.location != shown:
                shown = place.first.location
                yield from self._source(shown)
        if len(entry.places) > most:
            yield (Span(f"    and {counted(len(entry.places) - most, 'more place')}", "dim"),)

    def _change(self, place: Place) -> list[Line]:
        """Path and values, as far as the message leaves them out."""
        change = what_changed(place.first)
        lines = self._paragraph(change, hang=2) if change else []
        if place.serving_values:
            lines += self._paragraph(f"serving values: {place.serving_values}", hang=2)
        return lines

    def _source(self, location: Location | None) -> list[Line]:
        return (place_lines if self.complete else place_line)(location, self.width, indent=_INDENT)

    def _untold_graph(self, concerned: Sequence[ScenarioReport]) -> GraphChange | None:
        """What became of the graph: findings of one scenario share it, and it is told once."""
        changed = [scenario.graph for scenario in concerned if scenario.graph.same is False]
        if not changed or changed[0] in self.told:
            return None
        self.told.add(changed[0])
        return changed[0]

    def _lacks(self, graph: GraphChange, finding: Finding) -> str:
        return what_the_graph_lacks(graph, about=finding.path, room=None if self.complete else self.width - _INDENT)

    def _paragraph(self, text: str, *, hang: int = 0, style: str = "") -> list[Line]:
        return block(text, self.width, indent=_INDENT, hang=hang, style=style)
