"""Structure: what is opened, how paths are written, what is left alone."""

import collections
import dataclasses
import enum
import functools
import pickle
import threading
import types
from collections import OrderedDict, UserDict, deque, namedtuple

import numpy as np
import pytest
import torch
from torch import nn

from steadygraph.model import ContainerNode, CycleNode, NoneNode, OpaqueNode, TensorNode, TensorSpec, ValueNode
from steadygraph.observe.inputs.structure import Limits, capture, capture_call, capture_with_leaves, leaves, tensor_spec


class IntermediateTensors:
    """As in vLLM: a plain object that holds a dict."""

    def __init__(self, tensors):
        self.tensors = tensors


class Slotted:
    __slots__ = ("__hidden", "empty", "x")

    def __init__(self, x):
        self.x = x
        self.__hidden = 7


class SlottedChild(Slotted):
    __slots__ = ("y",)


@dataclasses.dataclass
class Meta:
    lengths: list
    mask: object = None


Point = namedtuple("Point", ["x", "y"])


class Color(enum.Enum):
    RED = 1


class Kind(enum.IntEnum):
    DENSE = 3


def children(node):
    assert isinstance(node, ContainerNode), node
    return dict(node.children)


def accessors(value):
    return [accessor for accessor, _ in capture(value).children]


# --- containers --------------------------------------------------------------------------------------


def test_a_call_lists_its_arguments_by_position_and_by_name():
    call = capture_call((1, None), {"deepstack": [True]})

    assert call == ContainerNode(
        "call",
        (
            ("args[0]", ValueNode("int", "1")),
            ("args[1]", NoneNode()),
            ("kwargs['deepstack']", ContainerNode("list", (("[0]", ValueNode("bool", "True")),))),
        ),
    )


@pytest.mark.parametrize(
    ("value", "kind", "expected"),
    [
        ([1, 2], "list", ["[0]", "[1]"]),
        ((1,), "tuple", ["[0]"]),
        (deque([1, 2]), "collections.deque", ["[0]", "[1]"]),
        ({"a": 1, 3: 2, (4, "b"): 3, None: 4}, "dict", ["['a']", "[3]", "[(4, 'b')]", "[None]"]),
        ({Color.RED: 1, (5,): 2}, "dict", ["[Color.RED]", "[(5,)]"]),
        (OrderedDict(a=1), "collections.OrderedDict", ["['a']"]),
        (collections.defaultdict(list, a=[]), "collections.defaultdict", ["['a']"]),
        ({"b", "a"}, "set", ["{'a'}", "{'b'}"]),
        (frozenset({2, 10}), "frozenset", ["{10}", "{2}"]),
        (types.MappingProxyType({"a": 1}), "mappingproxy", ["['a']"]),
        (UserDict(a=1), "collections.UserDict", ["['a']"]),
        (torch.Size([2, 3]), "torch.Size", ["[0]", "[1]"]),
        (types.SimpleNamespace(a=1), "types.SimpleNamespace", [".a"]),
    ],
)
def test_a_container_is_opened_with_the_accessors_of_python(value, kind, expected):
    node = capture(value)

    assert node.type == kind
    assert [accessor for accessor, _ in node.children] == expected


def test_every_accessor_evaluates_to_the_part_that_it_names():
    value = {"a": [1, (2, {"b": Point(3, Meta([4]))})], 5: IntermediateTensors({"d0": Slotted(6)})}

    found = leaves(value)

    assert [item for _, item in found] == [1, 2, 3, 4, 7, 6]
    for path, item in found:
        if "__hidden" not in path:
            assert eval(f"value{path}", {"value": value}) is item


def test_plain_objects_show_their_attributes_and_slots():
    child = SlottedChild(1)
    child.y = None

    assert accessors(IntermediateTensors({})) == [".tensors"]
    assert children(capture(child)) == {
        "._Slotted__hidden": ValueNode("int", "7"),
        ".x": ValueNode("int", "1"),
        ".y": NoneNode(),
    }


def test_dataclasses_and_named_tuples_show_their_fields():
    assert accessors(Meta([1])) == [".lengths", ".mask"]
    assert accessors(Point(1, 2)) == [".x", ".y"]


def test_a_dict_subclass_shows_its_attributes_once():
    class Output(OrderedDict):
        def __init__(self, **kwargs):
            super().__init__({name: item for name, item in kwargs.items() if item is not None})
            self.__dict__.update(kwargs)

    assert accessors(Output(logits=1, cache=None)) == [".logits", ".cache"]


def test_properties_and_overridden_methods_of_the_model_do_not_run():
    class Trap(dict):
        @property
        def loaded(self):
            raise AssertionError("ran")

        def __getattr__(self, name):
            raise AssertionError("ran")

        def _ran(self, *args):
            raise AssertionError("ran")

        __iter__ = __getitem__ = __len__ = items = keys = __repr__ = __eq__ = _ran
        __hash__ = None

    node = capture([Trap(a=1)])

    assert accessors_of(node) == [["['a']"]]


def accessors_of(node):
    return [[accessor for accessor, _ in child.children] for _, child in node.children]


def test_two_keys_that_are_objects_stay_apart():
    assert accessors({threading.Lock(): 1, threading.Lock(): 2}) == ["[<_thread.lock>]", "[<_thread.lock>]#2"]


def a_generator():
    yield 1


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
        (a_generator, "function"),
        (a_generator(), "generator"),
        (int, "type"),
        (torch, "module"),
        (threading.Lock(), "_thread.lock"),
        (functools.partial(int), "functools.partial"),
        (ValueError("x"), "ValueError"),
        (object(), "object"),
        (torch.Generator(), "torch._C.Generator"),
    ],
)
def test_code_and_machinery_is_not_opened(value, kind):
    assert capture(value) == OpaqueNode(kind)


def test_an_object_of_a_users_module_that_is_named_like_a_standard_one_is_opened(tmp_path, monkeypatch):
    file = tmp_path / "profile.py"
    file.write_text("class Cache:\n    def __init__(self):\n        self.seen = 1\n")
    module = types.ModuleType("profile")
    module.__file__ = str(file)
    exec(file.read_text(), module.__dict__)
    monkeypatch.setitem(__import__("sys").modules, "profile", module)

    assert accessors(module.Cache()) == [".seen"]


# --- values -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (True, "bool", "True"),
        (1.5, "float", "1.5"),
        (2j, "complex", "2j"),
        ("a", "str", "'a'"),
        (b"a", "bytes", "b'a'"),
        (..., "ellipsis", "Ellipsis"),
        (slice(1, None), "slice", "slice(1, None, None)"),
        (range(3), "range", "range(0, 3, 1)"),
        (torch.float16, "torch.dtype", "torch.float16"),
        (torch.device("cuda", 1), "torch.device", "cuda:1"),
        (torch.channels_last, "torch.memory_format", "torch.channels_last"),
        (np.float32(1.5), "numpy.float32", "1.5"),
        (np.zeros((2, 3), dtype=np.int8), "numpy.ndarray", "int8[2, 3]"),
        (float("nan"), "float", "nan"),
    ],
)
def test_a_python_value_is_its_text(value, kind, text):
    assert capture(value) == ValueNode(kind, text)


def test_an_enum_is_its_member():
    assert [capture(value).value for value in (Color.RED, Kind.DENSE)] == ["Color.RED", "Kind.DENSE"]


def test_a_value_with_a_repr_of_its_own_is_written_by_the_built_in_type():
    class Noisy(int):
        def __repr__(self):
            raise AssertionError("ran")

        __str__ = __format__ = __repr__

    assert capture(Noisy(3)).value == "3"


def test_long_values_are_cut_but_stay_distinguishable():
    texts = [capture(value).value for value in ("x" * 10_000, "x" * 9_999 + "y", b"y" * 10_000, 10**5_000)]

    assert max(map(len, texts)) <= 200
    assert texts[0] != texts[1]


def test_no_text_holds_an_address_or_the_data_of_a_tensor():
    value = [slice(torch.tensor([123456.0]), object()), {object(): 1}, lambda: 1]

    assert "0x" not in repr(capture(value))
    assert "123456" not in repr(capture(value))


# --- tensors ----------------------------------------------------------------------------------------


def test_a_tensor_is_described_without_its_data():
    tensor = torch.zeros(4, 8, dtype=torch.bfloat16).t().requires_grad_()

    assert tensor_spec(tensor) == TensorSpec(
        shape=(8, 4), dtype="torch.bfloat16", device="cpu", stride=(1, 8), requires_grad=True
    )


def test_a_parameter_is_known_by_its_class():
    assert tensor_spec(nn.Parameter(torch.ones(2))).subclass == "torch.nn.parameter.Parameter"


def test_a_subclass_with_its_own_torch_function_is_not_called():
    class Loud(torch.Tensor):
        @classmethod
        def __torch_function__(cls, function, kinds, args=(), kwargs=None):
            raise AssertionError("ran")

    spec = capture(torch.ones(2).as_subclass(Loud)).spec

    assert spec.shape == (2,)
    assert spec.subclass.endswith("Loud")


@pytest.mark.parametrize(
    ("tensor", "layout"),
    [
        (torch.eye(3).to_sparse(), "torch.sparse_coo"),
        (torch.eye(3).to_sparse_csr(), "torch.sparse_csr"),
    ],
)
def test_a_sparse_tensor_has_a_layout_and_no_strides(tensor, layout):
    spec = tensor_spec(tensor)

    assert (spec.shape, spec.stride, spec.layout) == ((3, 3), (), layout)


@pytest.mark.parametrize("layout", [torch.strided, torch.jagged])
def test_the_uneven_dimension_of_a_nested_tensor_is_ragged(layout):
    tensors = [torch.nested.nested_tensor([torch.ones(2, 3), torch.ones(4, 3)], layout=layout) for _ in range(2)]

    assert [capture(tensor).spec.shape for tensor in tensors] == [(2, "ragged", 3)] * 2


def test_a_fake_tensor_looks_like_the_tensor_that_it_stands_for():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fake = [torch.ones(2, 3), nn.Linear(2, 2).weight]

    assert capture(fake) == capture([torch.ones(2, 3), nn.Linear(2, 2).weight])


def test_a_symbolic_size_is_its_text():
    from torch._subclasses.fake_tensor import FakeTensorMode
    from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, StatelessSymbolicContext

    dynamic = StatelessSymbolicContext(dynamic_sizes=[DimDynamic.DYNAMIC, DimDynamic.DYNAMIC])
    fake = FakeTensorMode(shape_env=ShapeEnv()).from_tensor(torch.ones(5, 7), symbolic_context=dynamic)

    first, second = capture(fake).spec.shape

    assert isinstance(first, str)
    assert first != second


# --- cycles, sharing, limits ------------------------------------------------------------------------------


def test_a_cycle_is_cut_and_says_where_it_leads():
    ring = IntermediateTensors({})
    ring.tensors["self"] = ring

    call = capture_call((), {"x": {"a": ring}})

    tensors = children(children(children(call)["kwargs['x']"])["['a']"])[".tensors"]
    assert children(tensors)["['self']"] == CycleNode("kwargs['x']['a']")


def test_an_object_that_is_held_twice_is_opened_twice():
    shared = [1]

    assert capture([shared, shared]) == capture([[1], [1]])


def test_a_list_of_5000_levels_ends_in_an_opaque_node():
    deep = []
    for _ in range(5_000):
        deep = [deep]

    node = capture(deep)

    levels = 0
    while isinstance(node, ContainerNode):
        node = node.children[0][1]
        levels += 1
    assert (levels, node) == (Limits().depth, OpaqueNode("list"))
    assert pickle.loads(pickle.dumps(capture(deep))) == capture(deep)


def test_a_long_list_is_cut_and_says_what_is_missing():
    node = capture([0] * 1_200)

    assert len(node.children) == 1_001
    assert node.children[-1] == ("[1000:]", ValueNode("more", "200"))


def test_a_web_of_shared_objects_does_not_explode():
    web = [1]
    for _ in range(60):
        web = [web, web]

    assert capture({"web": web, "x": 1}).type == "dict"


def test_one_argument_that_is_too_large_hides_no_other():
    call = capture_call(([[i] for i in range(30_000)], [torch.ones(2)]), {})

    assert isinstance(children(children(call)["args[1]"])["[0]"], TensorNode)


def test_a_call_with_100_tensors_costs_little_more_than_reading_what_its_tensors_are(shortest):
    tensors = [torch.ones(2, 3) for _ in range(100)]
    x = {"layers": [*zip(tensors[::2], tensors[1::2], strict=True)]}

    def read():
        for t in tensors:
            t.shape, t.stride(), t.storage_offset(), str(t.dtype), str(t.device), t.layout, t.requires_grad

    assert shortest(lambda: capture_call((x,), {})) < 25 * shortest(read)


# --- leaves -------------------------------------------------------------------------------------------


def test_leaves_are_tensors_and_values_with_their_paths():
    x = torch.ones(2)
    value = {"x": x, "none": None, "f": print, "n": [3]}

    node, found = capture_with_leaves(value)

    assert node == capture(value)
    assert [path for path, _ in found] == ["['x']", "['n'][0]"]
    assert found[0][1] is x
    assert leaves(x) == [("", x)]


# --- transformers -----------------------------------------------------------------------------------------


def test_caches_and_outputs_of_transformers_are_opened():
    from transformers import DynamicCache
    from transformers.modeling_outputs import BaseModelOutputWithPast

    cache = DynamicCache()
    cache.update(torch.ones(1, 2, 3, 4), torch.ones(1, 2, 3, 4), 0)
    x = torch.ones(2)
    found = leaves(BaseModelOutputWithPast(last_hidden_state=x, past_key_values=cache))

    tensors = {path: item for path, item in found if isinstance(item, torch.Tensor)}
    assert list(tensors) == [
        ".last_hidden_state",
        ".past_key_values.layers[0].keys",
        ".past_key_values.layers[0].values",
    ]
    assert tensors[".last_hidden_state"] is x
    assert children(capture(BaseModelOutputWithPast(last_hidden_state=x)))[".past_key_values"] == NoneNode()


@pytest.mark.parametrize("make", [list, lambda numbers: dict.fromkeys(numbers, 0)])
def test_a_container_with_a_million_items_costs_less_than_one_look_at_each(make, shortest):
    value = make(range(1_000_000))

    node = capture(value)

    assert node.children[-1] == ("[1000:]", ValueNode("more", "999000"))
    assert shortest(lambda: capture(value)) < shortest(lambda: sum(value))
