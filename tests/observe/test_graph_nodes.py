"""Nodes of captured graphs; what is expected is read off the models by hand."""

import torch
from torch import nn

from steadygraph.model import NodeKind
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state


def captured(module, *args):
    with own_dynamo_state():
        session = CompileSession([("", module)], options={}, backends={})
        with session.guards_kept(), torch.no_grad():
            module(*args)
        session.close()
    (observation,) = session.observations
    (graph,) = observation.graphs
    return graph


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4))

    def forward(self, x, y):
        product = x * self.scale
        return product.relu() + y


def test_every_value_says_what_it_is_made_of():
    graph = captured(Scaled(), torch.ones(2, 4), torch.ones(2, 4))

    names = [node.name for node in graph.nodes]
    made_of = {node.name: [names[i] for i in node.inputs] for node in graph.nodes}
    assert made_of == {
        "x": [],
        "y": [],
        "self.scale": [],
        "mul": ["x", "self.scale"],
        "relu": ["mul"],
        "add": ["relu", "y"],
        "": ["add"],
    }
    assert {node.name: node.kind for node in graph.nodes if node.kind is not NodeKind.CALL} == {
        "x": NodeKind.INPUT,
        "y": NodeKind.INPUT,
        "self.scale": NodeKind.INPUT,
        "": NodeKind.OUTPUT,
    }
    assert {node.value for node in graph.nodes} == {"float32[2, 4]", "float32[4]", ""}


def test_an_operator_names_its_line():
    graph = captured(Scaled(), torch.ones(2, 4), torch.ones(2, 4))

    lines = {node.name: graph.lines[node.line].text for node in graph.nodes if node.kind is NodeKind.CALL}
    assert lines == {
        "mul": "product = x * self.scale",
        "relu": "return product.relu() + y",
        "add": "return product.relu() + y",
    }


class Repeated(nn.Module):
    """The same block twice, each traced as one call."""

    def __init__(self):
        super().__init__()
        self.block = torch.compiler.nested_compile_region(lambda x: x.sin() * 2)

    def forward(self, x):
        return self.block(self.block(x))


def test_what_a_higher_order_operator_runs_is_a_graph_of_its_own():
    graph = captured(Repeated(), torch.ones(3))

    calls = [node for node in graph.nodes if node.bodies]
    (body,) = graph.bodies
    assert [node.bodies for node in calls] == [(body.digest,), (body.digest,)]
    assert [node.name for node in body.nodes if node.kind is NodeKind.CALL] == ["sin", "mul"]
    assert all(used < len(graph.nodes) for node in graph.nodes for used in node.inputs)
