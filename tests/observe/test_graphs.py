"""Digests, operators and inputs of captured graphs: properties that do not depend on how a digest is made."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from steadygraph.compare.graphs import change
from steadygraph.model import Graph, Location
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state


def captured(forward, *calls, mark=None):
    """The graphs that ran in each call of a module with this forward."""
    module = type("Module", (nn.Module,), {"forward": forward})()
    module.weight = nn.Parameter(torch.ones(4))
    with own_dynamo_state():
        session = CompileSession([("", module)], options={}, backends={})
        with session.guards_kept(), session.calling(), torch.no_grad():
            for index, args in enumerate(calls):
                session.start("profile" if not index else f"call {index}")
                if mark is not None and not index:
                    mark(*args)
                module(*args)
        session.close()
    return [observation.graphs for observation in session.observations]


def digest(forward, *args):
    return captured(forward, args)[0][0].digest


def test_names_of_variables_do_not_count():
    def one(self, x):
        first = x + 1
        return first * self.weight

    def other(self, x):
        renamed = x + 1
        result = renamed * self.weight
        return result

    assert digest(one, torch.ones(4)) == digest(other, torch.ones(4))


def test_what_dynamo_asserts_of_unknown_sizes_does_not_count():
    def forward(self, x):
        return (x + 1)[:2]

    def unbacked(x):
        torch._dynamo.decorators.mark_unbacked(x, 0)

    (plain,), (asserted,) = (captured(forward, (torch.ones(4),), mark=mark)[0] for mark in (None, unbacked))

    assert (plain.ops, plain.digest) == (asserted.ops, asserted.digest)


def test_operators_their_order_and_constants_count():
    x = torch.ones(4)
    variants = [
        lambda self, x: (x + 1) * 2,
        lambda self, x: (x + 1) * 3,
        lambda self, x: (x * 2) + 1,
        lambda self, x: (x + 1).mul(2),
        lambda self, x: ((x + 1) * 2).relu(),
    ]

    assert len({digest(forward, x) for forward in variants}) == len(variants)


def test_wiring_counts():
    def one(self, x):
        a, b = x + 1, x * 2
        return a - b

    def other(self, x):
        a, b = x + 1, x * 2
        return b - a

    assert digest(one, torch.ones(4)) != digest(other, torch.ones(4))


def test_dtype_and_rank_of_inputs_count_and_sizes_do_not():
    def forward(self, x):
        return x * 2

    base = digest(forward, torch.ones(4))

    assert digest(forward, torch.ones(9)) == base
    assert digest(forward, torch.ones(4, dtype=torch.float64)) != base
    assert digest(forward, torch.ones(4, 4)) != base


def test_a_dynamic_size_that_no_operator_uses_does_not_count():
    static, dynamic = captured(lambda self, x: x * 2, (torch.ones(4),), (torch.ones(7),))

    assert static[0].digest == dynamic[0].digest


def test_a_size_that_an_operator_uses_counts_once_it_is_a_symbol():
    static, dynamic = captured(lambda self, x: x.new_zeros(x.shape[0]), (torch.ones(4),), (torch.ones(7),))

    assert static[0].digest != dynamic[0].digest
    assert "x.shape[0]" in {i.name for i in dynamic[0].inputs}


def test_inputs_are_named_as_the_user_names_them():
    graphs = captured(lambda self, x, deep: x * self.weight + deep["d0"], (torch.ones(4), {"d0": torch.ones(4)}))

    assert {i.name for i in graphs[0][0].inputs} == {"x", "self.weight", "deep['d0']"}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.sampled_from(["add", "mul", "relu", "neg"]), min_size=1, max_size=6))
def test_operators_are_counted_by_name(names):
    def forward(self, x):
        for name in names:
            x = {"add": lambda x: x + 1, "mul": lambda x: x * 2, "relu": torch.relu, "neg": torch.neg}[name](x)
        return x

    assert dict(captured(forward, (torch.ones(4),))[0][0].ops) == {n: names.count(n) for n in set(names)}


def graph(digest, ops, inputs=()):
    return Graph(digest, ops, inputs, Location("m.py", 1, "forward"))


def test_a_change_says_what_the_profile_graph_lacks():
    before, now = [graph("a", (("add", 1), ("mul", 2)))], [graph("b", (("add", 4), ("relu", 1)))]

    found = change(before, now)

    assert found.same is False
    assert found.missing_ops == (("add", 3), ("relu", 1))
    assert found.extra_ops == (("mul", 2),)


def test_without_graphs_on_one_side_nothing_is_known():
    assert change([], [graph("a", ())]).same is None
