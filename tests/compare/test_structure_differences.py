"""Differences of structures: paths, aspects, words; properties of the comparison."""

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.compare.structure import differences, summary
from steadygraph.model import (
    Aspect,
    ContainerNode,
    CycleNode,
    Difference,
    NoneNode,
    OpaqueNode,
    TensorNode,
    TensorSpec,
    ValueNode,
)

NONE = NoneNode()


def spec(*shape, **changes):
    stride, step = [], 1
    for size in reversed(shape):
        stride.insert(0, step)
        step *= max(size, 1)
    return replace(TensorSpec(shape, "torch.float32", "cpu", tuple(stride), False), **changes)


def tensor(*shape, **changes):
    return TensorNode(spec(*shape, **changes))


def value(item):
    return ValueNode(type(item).__name__, repr(item))


def sequence(*items, kind="list"):
    return ContainerNode(kind, tuple((f"[{i}]", item) for i, item in enumerate(items)))


def mapping(**items):
    return ContainerNode("dict", tuple((f"[{name!r}]", item) for name, item in items.items()))


def obj(kind, **items):
    return ContainerNode(kind, tuple((f".{name}", item) for name, item in items.items()))


def call(*args, **kwargs):
    children = [(f"args[{i}]", item) for i, item in enumerate(args)]
    return ContainerNode("call", (*children, *((f"kwargs[{name!r}]", item) for name, item in kwargs.items())))


def tensors(n, **changes):
    return obj("vllm.IntermediateTensors", tensors=mapping(**{f"d{i}": tensor(4, 8, **changes) for i in range(n)}))


def test_none_against_a_container_is_one_difference():
    found = differences(call(value(1), deepstack=NONE), call(value(1), deepstack=tensors(3)), region="layers.0")

    assert found == (
        Difference("kwargs['deepstack']", Aspect.NONE, "None", "IntermediateTensors with 3 tensors", "layers.0"),
    )


def test_a_dtype_deep_inside_has_the_path_of_python():
    found = differences(call(deepstack=tensors(1)), call(deepstack=tensors(1, dtype="torch.bfloat16")))

    assert found == (
        Difference("kwargs['deepstack'].tensors['d0'].dtype", Aspect.DTYPE, "torch.float32", "torch.bfloat16"),
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (tensor(4, 9), [("args[0].shape[1]", Aspect.SHAPE, "8", "9")]),
        (tensor(2, 1), [("args[0].shape[0]", Aspect.SHAPE, "4", "2"), ("args[0].shape[1]", Aspect.SHAPE, "8", "1")]),
        (tensor(4, 8, 1), [("args[0].ndim", Aspect.RANK, "2", "3")]),
        (tensor(4, 8, device="cuda:0"), [("args[0].device", Aspect.DEVICE, "cpu", "cuda:0")]),
        (tensor(4, 8, requires_grad=True), [("args[0].requires_grad", Aspect.REQUIRES_GRAD, "False", "True")]),
        (
            tensor(4, 8, stride=(1, 4)),
            [("args[0].stride[0]", Aspect.STRIDE, "8", "1"), ("args[0].stride[1]", Aspect.STRIDE, "1", "4")],
        ),
        (
            tensor(4, 8, layout="torch.sparse_coo", stride=()),
            [("args[0].layout", Aspect.LAYOUT, "torch.strided", "torch.sparse_coo")],
        ),
        (
            tensor(4, 8, subclass="torch.nn.parameter.Parameter"),
            [("args[0].__class__", Aspect.SUBCLASS, "torch.Tensor", "torch.nn.parameter.Parameter")],
        ),
        (NONE, [("args[0]", Aspect.NONE, "torch.float32[4, 8] on cpu", "None")]),
        (value(3), [("args[0]", Aspect.TYPE, "torch.float32[4, 8] on cpu", "int 3")]),
    ],
)
def test_each_aspect_of_a_tensor(now, expected):
    found = differences(call(tensor(4, 8)), call(now))

    assert found == tuple(Difference(*fields) for fields in expected)


def test_strides_that_follow_from_the_sizes_are_not_reported():
    wide, narrow = tensor(4, 8, stride=(1, 4)), tensor(6, 8, stride=(1, 6))

    assert [d.aspect for d in differences(call(wide), call(narrow))] == [Aspect.SHAPE]


def test_the_odd_stride_of_a_size_1_dimension_is_reported():
    # A column of a [1, n] matrix: .contiguous() does nothing for one row.
    found = differences(call(tensor(1, 1, stride=(8, 1))), call(tensor(1, 1, stride=(9, 1))))

    assert found == (Difference("args[0].stride[0]", Aspect.STRIDE, "8", "9"),)


def test_a_padded_tensor_is_not_dense_and_its_strides_are_reported():
    found = differences(call(tensor(4, 8, stride=(16, 1))), call(tensor(4, 9)))

    assert [d.path for d in found] == ["args[0].shape[1]", "args[0].stride[0]"]


def test_two_sizes_that_nobody_knows_do_not_differ():
    before, now = tensor(2, 4, shape=("u0", 4)), tensor(2, 4, shape=("8*u1 + 3", 4))

    assert differences(before, now) == ()


def test_a_size_that_nobody_knows_differs_from_one_that_is_known():
    (found,) = differences(tensor(16, 4), tensor(16, 4, shape=("u0", 4)))

    assert (found.aspect, found.path, found.profile, found.serving) == (Aspect.SHAPE, ".shape[0]", "16", "u0")


@pytest.mark.parametrize(("before", "now", "count"), [("u0", "u3", 0), ("3", "u0", 1), ("'u0'", "'u1'", 1)])
def test_numbers_that_nobody_knows_do_not_differ(before, now, count):
    kind = "str" if before.startswith("'") else "int"

    assert len(differences(ValueNode(kind, before), ValueNode(kind, now))) == count


def test_an_argument_of_one_call_only():
    found = differences(call(value(1), mask=tensor(2)), call(value(1), value(2)))

    assert found == (
        Difference("kwargs['mask']", Aspect.PRESENCE, "torch.float32[2] on cpu", "absent"),
        Difference("args[1]", Aspect.PRESENCE, "absent", "2"),
    )


def test_lengths_differ_and_the_common_items_are_still_compared():
    found = differences(call(sequence(value(1), NONE)), call(sequence(value(2))))

    assert found == (
        Difference("args[0]", Aspect.LENGTH, "2 items", "1 item"),
        Difference("args[0][0]", Aspect.VALUE, "1", "2"),
    )


def test_keys_differ_and_the_common_ones_are_still_compared():
    before, now = mapping(a=value(1), b=NONE, c=NONE), mapping(a=value(2), d=NONE)

    found = differences(call(x=before), call(x=now))

    assert found == (
        Difference(
            "kwargs['x']", Aspect.KEYS, "3 keys, with 'b', 'c', without 'd'", "2 keys, with 'd', without 'b', 'c'"
        ),
        Difference("kwargs['x']['a']", Aspect.VALUE, "1", "2"),
    )


def test_attributes_are_called_attributes_and_many_are_not_listed():
    before, now = obj("m.Cache"), obj("m.Cache", **{f"k{i}": NONE for i in range(7)})

    assert differences(call(before), call(now)) == (
        Difference(
            "args[0]",
            Aspect.KEYS,
            "0 attributes, without k0, k1, k2, k3, k4 and 2 more",
            "7 attributes, with k0, k1, k2, k3, k4 and 2 more",
        ),
    )


def test_the_order_of_keys_counts_for_dicts_only():
    before, now = mapping(a=NONE, b=NONE), mapping(b=NONE, a=NONE)

    assert differences(call(before), call(now)) == (
        Difference("args[0]", Aspect.KEYS, "keys in the order 'a', 'b'", "keys in the order 'b', 'a'"),
    )
    assert differences(call(obj("m.X", a=NONE, b=NONE)), call(obj("m.X", b=NONE, a=NONE))) == ()


def test_a_dict_with_integer_keys_has_keys_and_no_length():
    before = ContainerNode("dict", (("[0]", NONE),))
    now = ContainerNode("dict", (("[0]", NONE), ("[1]", NONE)))

    assert [d.aspect for d in differences(call(before), call(now))] == [Aspect.KEYS]


def test_items_that_were_left_out_count_for_the_length():
    def cut(total, kind):
        items = sequence(value(1), value(2), kind=kind).children
        return ContainerNode(kind, (*items, ("[2:]", ValueNode("more", str(total - 2)))))

    assert differences(call(cut(10, "list")), call(cut(11, "list"))) == (
        Difference("args[0]", Aspect.LENGTH, "10 items", "11 items"),
    )
    assert differences(call(cut(10, "dict")), call(cut(11, "dict"))) == (
        Difference("args[0]", Aspect.KEYS, "10 keys", "11 keys"),
    )


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (value(1), value(True), ("int 1", "bool True")),
        (value(1), value(1.0), ("int 1", "float 1.0")),
        (sequence(NONE), sequence(NONE, kind="tuple"), ("list with 1 item", "tuple with 1 item")),
        (obj("a.X"), obj("b.X"), ("X with 0 items", "X with 0 items")),
        (OpaqueNode("function"), OpaqueNode("functools.partial"), ("function object", "partial object")),
        (CycleNode("args[0]"), sequence(), ("reference back to args[0]", "list with 0 items")),
    ],
)
def test_another_type_is_one_difference_at_its_root(before, now, expected):
    assert differences(call(before), call(now)) == (Difference("args[0]", Aspect.TYPE, *expected),)


def test_the_root_of_an_output_can_be_named():
    assert differences(tensor(2), tensor(3), root="output") == (Difference("output.shape[0]", Aspect.SHAPE, "2", "3"),)


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        (NONE, "None"),
        (tensor(8, 4), "torch.float32[8, 4] on cpu"),
        (tensor(), "torch.float32[] on cpu"),
        (tensor(2, subclass="torch.nn.parameter.Parameter"), "Parameter torch.float32[2] on cpu"),
        (value("x"), "'x'"),
        (value("x" * 100), "'" + "x" * 76 + "..."),
        (tensors(3), "IntermediateTensors with 3 tensors"),
        (sequence(tensor(1), value(2)), "list with 1 tensor"),
        (sequence(value(2), value(3)), "list with 2 items"),
        (obj("m.Meta", a=NONE), "Meta with 1 attribute"),
        (OpaqueNode("torch.nn.modules.linear.Linear"), "Linear object"),
    ],
)
def test_a_summary_is_one_short_line(node, expected):
    assert summary(node) == expected
    assert len(summary(node)) <= 80


# --- properties -----------------------------------------------------------------------------------------

names = st.text("abcd", min_size=1, max_size=2)
specs = st.builds(
    lambda shape, dtype, device, grad: spec(*shape, dtype=dtype, device=device, requires_grad=grad),
    st.lists(st.integers(0, 4), max_size=3),
    st.sampled_from(["torch.float32", "torch.int64"]),
    st.sampled_from(["cpu", "cuda:0"]),
    st.booleans(),
)
leaf_nodes = st.one_of(
    st.just(NONE),
    st.builds(TensorNode, specs),
    st.builds(value, st.one_of(st.integers(0, 3), st.booleans(), st.text(max_size=2))),
    st.builds(OpaqueNode, st.sampled_from(["function", "m.Lock"])),
)


def containers(nodes):
    return st.one_of(
        st.builds(lambda items: sequence(*items), st.lists(nodes, max_size=3)),
        st.builds(lambda items: mapping(**items), st.dictionaries(names, nodes, max_size=3)),
        st.builds(lambda items: obj("m.X", **items), st.dictionaries(names, nodes, max_size=3)),
    )


nodes = st.recursive(leaf_nodes, containers, max_leaves=12)
calls = st.builds(
    lambda args, kwargs: call(*args, **kwargs), st.lists(nodes, max_size=3), st.dictionaries(names, nodes)
)


@given(calls)
def test_a_structure_does_not_differ_from_itself(node):
    assert differences(node, node) == ()


@given(calls, calls)
def test_the_other_direction_finds_the_same_places_with_the_values_swapped(a, b):
    there = {(d.path, d.aspect, d.profile, d.serving) for d in differences(a, b)}
    back = {(d.path, d.aspect, d.serving, d.profile) for d in differences(b, a)}

    assert there == back


@given(calls, calls)
def test_no_place_and_aspect_is_reported_twice_and_all_text_is_one_line(a, b):
    found = differences(a, b)

    assert len({(d.path, d.aspect) for d in found}) == len(found)
    assert all("\n" not in d.path + d.profile + d.serving for d in found)


def places(node, path=""):
    """Every node below a node with its path: an own walk, to be independent of the code under test."""
    yield path, node
    if isinstance(node, ContainerNode):
        for accessor, child in node.children:
            yield from places(child, path + accessor)


def with_place(node, path, new):
    if not path:
        return new
    children = []
    for accessor, child in node.children:
        inside = path.startswith(accessor) and any(path == accessor + below for below, _ in places(child))
        children.append((accessor, with_place(child, path[len(accessor) :], new) if inside else child))
    return ContainerNode(node.type, tuple(children))


@given(calls, st.data())
def test_a_single_change_is_reported_at_its_place(node, data):
    path, old = data.draw(st.sampled_from(list(places(node))))
    if not path:
        return
    changed = with_place(node, path, ValueNode("m.Marker", "'new'"))

    found = differences(node, changed)

    assert len(found) == 1
    assert found[0].path == path
    assert found[0].aspect is (Aspect.NONE if old == NONE else Aspect.TYPE)


def test_the_comparison_needs_no_torch():
    code = "import sys, steadygraph.compare.structure, steadygraph.compare.ambient; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
