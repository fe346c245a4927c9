"""The graphs of each region: those of the profile call beside those of the serving calls, with their code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from steadygraph.model import PROFILE, CaseReport, CompiledBy, Graph, NodeKind, Region, ScenarioReport
from steadygraph.model.run import counted
from steadygraph.report.html.picture.alignment import aligned
from steadygraph.report.html.picture.graph_drawing import PicturePart, pictures
from steadygraph.report.html.picture.graph_union import Side, UnionNode, run_of, union
from steadygraph.report.text.layout import enumerated, flat, listed

#: Different serving runs of one region that are drawn, and nodes of one picture: a picture of more helps nobody.
_MOST_COMPARISONS, _MOST_NODES = 4, 20_000
_MOST_OPERATORS, _MOST_LINES_OF_CODE = 6, 2000
#: Pictures of fewer nodes are open when the page is.
_OPEN_NODES = 600

_Digests = tuple[str, ...]
#: Which scenarios run which sequence of graphs.
_Runs = dict[_Digests, list[str]]


@dataclass(frozen=True, slots=True)
class CodeLine:
    text: str
    #: Is it in the code of one run only?
    is_own: bool


@dataclass(frozen=True, slots=True)
class Code:
    """What became of the bytecode, in both runs; nothing where that cannot be told."""

    profile: tuple[CodeLine, ...]
    serving: tuple[CodeLine, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The graphs of the profile call and those of some serving calls.

    Args:
        anchor: Of its pictures.
        title: Which calls.
        scenarios: The serving calls among them.
        summary: What is different, in words.
        parts: The pictures; none where they are left out.
        is_same: Both runs have the same graphs, so that one picture says it all.
        is_open: It is small enough to be shown at once.
        left_out: Why there are no pictures.
        code: Of both runs.
    """

    anchor: str
    title: str
    scenarios: str
    summary: str
    parts: tuple[PicturePart, ...]
    is_same: bool
    is_open: bool
    left_out: str
    code: Code | None


@dataclass(frozen=True, slots=True)
class RegionView:
    title: str
    where: str
    facts: str
    comparisons: tuple[Comparison, ...]
    remark: str


class Pictures:
    """Draws the graphs of a report, until there are as many nodes as one page can hold.

    Args:
        nodes: Of graphs that differ.  Half as many are drawn of graphs that are the same in all calls, so that the
            many healthy models of a sweep do not use up the room of those that are not.
    """

    def __init__(self, nodes: int) -> None:
        self._room = {False: nodes, True: nodes // 2}

    def regions(self, case: CaseReport, anchor: str) -> list[RegionView]:
        """Each region of a case, with its graphs."""
        graphs = {graph.digest: graph for graph in case.graphs}
        return [
            self._region(region, _runs(case.scenarios, region.name, graphs), graphs, f"{anchor}-region-{number}")
            for number, region in enumerate(case.regions, 1)
        ]

    def _region(self, region: Region, runs: _Runs, graphs: dict[str, Graph], anchor: str) -> RegionView:
        profile = next((digests for digests, names in runs.items() if PROFILE in names), ())
        comparisons = self._comparisons(runs, profile, graphs, anchor) if profile else []
        facts = [counted(region.guards, "guard"), counted(region.graphs, "graph")]
        facts += [counted(region.graph_breaks, "graph break")] if region.graph_breaks else []
        facts += ["compiled by the model itself"] if region.compiled_by is CompiledBy.USER else []
        return RegionView(
            title=f"Graphs of {flat(region.name, 200)}" if region.name else "Graphs",
            where="" if region.location is None else f"{region.location.path}:{region.location.line}",
            facts=", ".join(facts),
            comparisons=tuple(comparisons),
            remark=_remark(runs, profile),
        )

    def _comparisons(self, runs: _Runs, profile: _Digests, graphs: dict[str, Graph], anchor: str) -> list[Comparison]:
        others = _others(runs, profile)
        if not others:
            names = [name for name in runs[profile] if name != PROFILE]
            return [self._comparison(profile, profile, names, graphs, f"{anchor}-graphs-1")]
        return [
            self._comparison(profile, digests, runs[digests], graphs, f"{anchor}-graphs-{number}")
            for number, digests in enumerate(others[:_MOST_COMPARISONS], 1)
        ]

    def _comparison(
        self, profile: _Digests, serving: _Digests, names: Sequence[str], graphs: dict[str, Graph], anchor: str
    ) -> Comparison:
        before, now = ([graphs[digest] for digest in digests] for digests in (profile, serving))
        runs = run_of(before), run_of(now)
        size = sum(map(len, runs))
        is_same = profile == serving
        fits = size <= min(self._room[is_same], 2 * _MOST_NODES)
        self._room[is_same] -= size if fits else 0
        nodes = union(*runs) if fits else []
        return Comparison(
            anchor=anchor,
            title=enumerated([PROFILE, *names]) if is_same else f"{PROFILE} against {enumerated(names)}",
            scenarios=enumerated(names) if names else "",
            summary=_summary(before, now, nodes, is_same=is_same),
            parts=tuple(pictures(nodes)),
            is_same=is_same,
            is_open=not is_same and len(nodes) <= _OPEN_NODES,
            left_out="" if fits else f"{size:,} more nodes are too many for this page.",
            code=_code(before, now),
        )


def _runs(scenarios: Sequence[ScenarioReport], region: str, graphs: dict[str, Graph]) -> _Runs:
    found: _Runs = {}
    for scenario in scenarios:
        calls = [call for call in scenario.calls if call.region == region]
        # Start-up runs one graph for every size that it captures, a micro-batch what the first one ran: told once.
        each = dict.fromkeys(tuple(digest for digest in call.graphs if digest in graphs) for call in calls)
        digests = tuple(digest for ran in each for digest in ran)
        if calls:
            found.setdefault(digests, []).append(scenario.name)
    return found


def _others(runs: _Runs, profile: _Digests) -> list[_Digests]:
    """What serving calls run, where that is not what the profile call runs."""
    return [digests for digests in runs if digests and digests != profile]


def _remark(runs: _Runs, profile: _Digests) -> str:
    if runs and not profile:
        return "The profile call ran no graph here that could be compared."
    more = len(_others(runs, profile)) - _MOST_COMPARISONS
    return f"{counted(more, 'further sequence')} of graphs at serving: not drawn." if more > 0 else ""


def _summary(before: Sequence[Graph], now: Sequence[Graph], nodes: Sequence[UnionNode], *, is_same: bool) -> str:
    """``1 graph (241 nodes) at profile, 1 (247) at serving; only at serving: 3 x input, 3 x add``."""
    sizes = [sum(len(graph.nodes) for graph in graphs) for graphs in (before, now)]
    size = f"{counted(len(before), 'graph')} ({counted(sizes[0], 'node')})"
    if is_same:
        return f"the same: {size}"
    told = f"{size} at profile, {len(now):,} ({sizes[1]:,}) at serving"
    changed = sum(node.is_changed for node in nodes)
    other = [f"{changed:,} with another dtype or shape"] if changed else []
    own = [f"only at {side}: {names}" for side in (Side.SERVING, Side.PROFILE) if (names := _own(nodes, side))]
    return "; ".join([told, *own, *other])


def _own(nodes: Sequence[UnionNode], side: Side) -> str:
    names = Counter(
        flat(node.step.node.name, 60) if node.step.node.kind is NodeKind.CALL else str(node.step.node.kind)
        for node in nodes
        if node.side is side
    )
    return listed((f"{count} x {name}" for name, count in names.most_common()), _MOST_OPERATORS)


def _code(before: Sequence[Graph], now: Sequence[Graph]) -> Code | None:
    texts = [_code_lines(graphs) for graphs in (before, now)]
    if not any(texts):
        return None
    pairs = aligned(*texts)
    return Code(
        _lines(texts[0], {i for i, _ in pairs} if texts[1] else set(range(len(texts[0])))),
        _lines(texts[1], {j for _, j in pairs} if texts[0] else set(range(len(texts[1])))),
    )


def _code_lines(graphs: Sequence[Graph]) -> list[str]:
    """The code of every frame once: a frame with several graphs is told by each."""
    codes = dict.fromkeys(graph.code for graph in graphs if graph.code)
    lines = [line for code in codes for line in code.splitlines()]
    cut = [f"# {len(lines) - _MOST_LINES_OF_CODE:,} more lines"] if len(lines) > _MOST_LINES_OF_CODE else []
    return lines[:_MOST_LINES_OF_CODE] + cut


def _lines(texts: Sequence[str], shared: set[int]) -> tuple[CodeLine, ...]:
    return tuple(CodeLine(text, number not in shared) for number, text in enumerate(texts))
