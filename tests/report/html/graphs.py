"""Graphs of a model with layers, as an analysis captures them."""

from __future__ import annotations

from collections.abc import Sequence

from steadygraph.model import (
    CaseReport,
    Graph,
    GraphNode,
    Location,
    NodeKind,
    Region,
    RegionCall,
    ScenarioReport,
    Status,
)

VALUE = "float32[s0, 64]"
LINES = tuple(Location("model.py", 10 + number, "forward", f"line {number}") for number in range(20))


class Builder:
    """Nodes one after the other; every method gives the position of its node."""

    def __init__(self) -> None:
        self.nodes: list[GraphNode] = []

    def input(self, name: str, line: int = 0) -> int:
        return self._add(GraphNode(NodeKind.INPUT, name, (), VALUE, line))

    def call(self, name: str, *inputs: int, line: int = 0, value: str = VALUE) -> int:
        return self._add(GraphNode(NodeKind.CALL, name, inputs, value, line))

    def graph(self, digest: str, *outputs: int, code: str = "") -> Graph:
        self._add(GraphNode(NodeKind.OUTPUT, "", outputs))
        return Graph(digest, (), (), LINES[0], nodes=tuple(self.nodes), lines=LINES, code=code)

    def _add(self, node: GraphNode) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1


def decoder(layers: int, digest: str, *, added: int = 0) -> Graph:
    """A decoder of so many layers with 12 operators and 5 weights each; behind the first ``added`` features are added.

    As Dynamo does, it lists all inputs first.
    """
    build = Builder()
    hidden = build.input("inputs_embeds")
    names = ("norm.weight", "qkv.weight", "out.weight", "up.weight", "down.weight")
    weights = [[build.input(f"self.layers[{layer}].{name}", 1) for name in names] for layer in range(layers)]
    features = [build.input(f"deepstack['d{layer}']", 13) for layer in range(added)]
    for layer in range(layers):
        norm, qkv, out, up, down = weights[layer]
        projected = build.call("linear", build.call("rms_norm", hidden, norm, line=2), qkv, line=3)
        parts = [build.call("getitem", projected, line=4) for _ in range(3)]
        attention = build.call("scaled_dot_product_attention", *parts, line=6)
        hidden = build.call("add", hidden, build.call("linear", attention, out, line=7), line=8)
        gate = build.call("silu", build.call("linear", hidden, up, line=9), line=10)
        hidden = build.call("add", hidden, build.call("linear", gate, down, line=11), line=12)
        if layer < added:
            hidden = build.call("add", hidden, features[layer], line=13)
    return build.graph(digest, hidden, code=f"def forward(self, x):\n    return graph_{digest}(x)")


def case_of(profile: Sequence[Graph], serving: Sequence[Graph], target: str = "case.py") -> CaseReport:
    """A case with one region and the scenario ``image``."""
    calls = [RegionCall("", tuple(graph.digest for graph in graphs)) for graphs in (profile, serving)]
    return CaseReport(
        target=target,
        status=Status.COMPLETED,
        duration_s=1.0,
        regions=(Region("", LINES[0], guards=10, graphs=len(profile)),),
        scenarios=(ScenarioReport("profile", calls=(calls[0],)), ScenarioReport("image", calls=(calls[1],))),
        graphs=tuple({graph.digest: graph for graph in (*profile, *serving)}.values()),
    )
