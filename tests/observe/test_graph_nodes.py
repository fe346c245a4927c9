"""Nodes of captured graphs; what is expected is read off the models by hand."""

import pytest
import torch
from torch import nn
from torch.nn.functional import dropout, layer_norm, relu, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from steadygraph.model import NodeKind
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state


def captured(module, *args):
    with own_dynamo_state(), torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        session = CompileSession([("", module)], options={}, backends={})
        with session.guards_kept(), session.calling(), torch.no_grad():
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


class Calling(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def assigned(x):
    y = x * 2
    y[0] = 3.0
    return y


def added_in_place(x):
    y = x * 2
    y += 1
    return y, ~(x > 0), x is None


def filled_inside(x):
    return checkpoint(lambda y: y.sin().fill_(2.0), x, use_reentrant=False)


def pure_inside(x):
    return checkpoint(lambda y: y.sin(), x, use_reentrant=False)


def with_gradients(x):
    with torch.enable_grad():
        return x * 2


def in_lower_precision(x):
    with torch.autocast("cpu"):
        return x @ x


def of_a_size_that_values_tell(x):
    rows = x.nonzero()
    torch._check(rows.shape[0] > 2)
    return rows.sum()


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (with_gradients, ["set_grad_enabled"] * 2),
        (in_lower_precision, ["enter_autocast", "exit_autocast"]),
        (of_a_size_that_values_tell, []),
        (lambda x: (x * 2).add_(1).relu(), ["add_"]),
        (lambda x: torch.add(x, 1, out=x * 2), ["add"]),
        (added_in_place, ["iadd"]),
        (assigned, ["setitem"]),
        (lambda x: relu(x * 2, inplace=True), ["relu"]),
        (lambda x: relu(x) + torch.relu(x), []),
        (lambda x: dropout(x, 0.5, True), ["dropout"]),
        (lambda x: dropout(x, 0.5, training=True), ["dropout"]),
        (lambda x: dropout(x, 0.5, False), []),
        (lambda x: x + torch.rand_like(x), ["rand_like"]),
        (lambda x: scaled_dot_product_attention(x, x, x, dropout_p=0.1), ["scaled_dot_product_attention"]),
        (lambda x: scaled_dot_product_attention(x, x, x, is_causal=True), []),
        (lambda x: torch.ops.aten.fill_(x * 2, 1.0), ["fill_"]),
        (lambda x: torch.ops.aten.mul(x, 2) + torch.ops.aten.sin.default(x), []),
        (lambda x: layer_norm(x, (3,)).reshape(-1).to(torch.float64).sum(), []),
        (filled_inside, ["tag_activation_checkpoint"]),
        (pure_inside, []),
    ],
)
def test_what_writes_to_memory_or_draws_random_numbers_is_marked(function, expected):
    graph = captured(Calling(function), torch.ones(3, 3))

    assert [graph.nodes[position].name for position in graph.effects] == expected


def test_equal_operators_with_equal_constants_have_equal_digests():
    graph = captured(Calling(lambda x: ((x * 2) * 2).sum(-1) + (x * 3).sum(0)), torch.ones(3, 3))

    calls = [node for node in graph.nodes if node.kind is NodeKind.CALL]
    digests = {n: node.digest for n, node in enumerate(calls)}
    assert [node.name for node in calls] == ["mul", "mul", "sum", "mul", "sum", "add"]
    assert digests[0] == digests[1]
    assert len({digests[0], digests[2], digests[3], digests[4], digests[5]}) == 5


def test_which_argument_is_which_is_in_the_digest():
    graph = captured(Calling(lambda x: torch.where(x > 0, x, 0.0) + torch.where(x > 0, 0.0, x)), torch.ones(3))

    first, second = (node.digest for node in graph.nodes if node.name == "where")
    assert first != second


def test_digests_of_nodes_are_the_same_whatever_the_sizes_of_the_inputs():
    small, large = (captured(Scaled(), torch.ones(n, 4), torch.ones(n, 4)) for n in (2, 3))

    assert [node.digest for node in small.nodes] == [node.digest for node in large.nodes]


def test_inputs_of_one_kind_are_told_by_their_sources():
    graph = captured(Scaled(), torch.ones(2, 4), torch.ones(2, 4))

    digests = {node.name: node.digest for node in graph.nodes if node.kind is NodeKind.INPUT}
    assert len(set(digests.values())) == 3
