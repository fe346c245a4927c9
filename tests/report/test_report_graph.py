"""The graphs of a report as networkx graphs: which one is meant, and what is said where that is not clear."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import networkx as nx
import pytest

from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, Graph, GraphNode, Location, NodeKind, Region, RegionCall, ScenarioReport
from steadygraph.report.json import codec
from steadygraph.report.shown import Report


def graph(digest: str) -> Graph:
    nodes = (
        GraphNode(NodeKind.INPUT, "x"),
        GraphNode(NodeKind.CALL, digest, (0,)),
        GraphNode(NodeKind.OUTPUT, "", (1,)),
    )
    return Graph(digest, (), (), Location("model.py", 1, "forward"), nodes=nodes)


def case(*scenarios: ScenarioReport, target: str = "case.py") -> CaseReport:
    regions = tuple(Region(name, None) for name in ("vision", "decoder", ""))
    graphs = tuple(map(graph, ("warm", "patch", "tail", "image")))
    return CaseReport(target, "completed", 0.0, regions=regions, scenarios=scenarios, graphs=graphs)  # type: ignore[arg-type]


def scenario(name: str, **graphs: tuple[str, ...]) -> ScenarioReport:
    return ScenarioReport(name, calls=tuple(RegionCall(region, digests) for region, digests in graphs.items()))


@pytest.fixture
def report() -> Report:
    """At profile one graph, of an image two in two regions, of text none; micro-batches run a graph again."""
    twice = ScenarioReport("batches", calls=(RegionCall("decoder", ("warm", "tail")), RegionCall("decoder", ("warm",))))
    image = scenario("image", vision=("patch",), decoder=("image",))
    return Report((case(scenario("profile", decoder=("warm",)), image, scenario("text"), twice),))


def name_of(found: nx.DiGraph) -> str:
    return str(found.nodes[1]["name"])


def test_the_only_graph_of_the_profile_call_needs_no_choice(report: Report) -> None:
    assert name_of(report.graph()) == "warm"
    assert name_of(report.graph("profile", region="decoder", index=0, case="case.py")) == "warm"


def test_a_region_chooses_where_several_ran(report: Report) -> None:
    assert name_of(report.graph("image", region="vision")) == "patch"
    assert name_of(report.graph("image", "decoder")) == "image"


def test_an_index_chooses_of_the_graphs_each_counted_once(report: Report) -> None:
    assert [name_of(report.graph("batches", index=n)) for n in (0, 1)] == ["warm", "tail"]


def test_a_case_chooses_where_several_have_the_scenario(report: Report) -> None:
    other = case(scenario("profile", decoder=("tail",)), target="other.py")

    both = Report((*report.cases, other))

    assert name_of(both.graph(case="other.py")) == "tail"


def test_a_stored_report_has_the_same_graphs(report: Report) -> None:
    stored = codec.from_json(codec.to_json(report))

    found, again = report.graph("image", "vision"), stored.graph("image", "vision")

    assert nx.utils.graphs_equal(found, again)
    assert again.graph == found.graph == {"digest": "patch", "frame": Location("model.py", 1, "forward")}


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"scenario": "imag"}, "the report has no scenario 'imag'\n  hint: did you mean image?"),
        ({"case": "cas.py"}, "the report has no case 'cas.py'\n  hint: did you mean case.py?"),
        ({"region": "vison"}, "case.py has no region 'vison'\n  hint: did you mean vision?"),
        ({"region": "zz"}, "case.py has no region 'zz'\n  hint: the regions are vision, decoder, ''"),
        (
            {"scenario": "image"},
            "graphs of 2 regions ran in scenario 'image' of case.py\n  hint: name one: vision, decoder",
        ),
        (
            {"scenario": "batches"},
            "2 graphs of region 'decoder' ran in scenario 'batches' of case.py\n"
            "  hint: choose one by its index, 0 to 1",
        ),
        (
            {"scenario": "batches", "index": 2},
            "no graph 2 of region 'decoder' ran in scenario 'batches' of case.py\n  hint: there are 0 to 1",
        ),
        (
            {"index": -1},
            "no graph -1 of region 'decoder' ran in scenario 'profile' of case.py\n  hint: there is 0",
        ),
        (
            {"scenario": "text"},
            "no graph ran in scenario 'text' of case.py\n  hint: there is one in profile, image, batches",
        ),
        (
            {"region": "vision"},
            "no graph of region 'vision' ran in scenario 'profile' of case.py\n  hint: there is one in image",
        ),
        (
            {"region": ""},
            "no graph of the model ('') ran in scenario 'profile' of case.py\n"
            "  hint: the report's graph breaks and notes tell why",
        ),
    ],
)
def test_a_graph_that_is_absent_or_ambiguous_says_what_there_is(
    report: Report, arguments: dict[str, Any], text: str
) -> None:
    with pytest.raises(UsageError) as caught:
        report.graph(**arguments)

    assert str(caught.value) == text


def test_a_report_without_its_graphs_has_none_to_give(report: Report) -> None:
    old = Report((replace(report.cases[0], graphs=()),))

    with pytest.raises(UsageError) as caught:
        old.graph()

    assert str(caught.value) == (
        "no graph ran in scenario 'profile' of case.py\n  hint: the report's graph breaks and notes tell why"
    )
