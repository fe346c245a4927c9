"""Dynamo's wording: the oracle is torch itself, which compiles here, and Python, which reads the same values."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn

from steadygraph.model import Asks, Aspect, Subject
from steadygraph.torch_private import own_dynamo_state, with_own_code, wording
from steadygraph.torch_private.expressions import evaluate
from steadygraph.torch_private.guards import GuardNode, GuardTree


@pytest.fixture(autouse=True)
def _own_dynamo() -> Iterator[None]:
    with own_dynamo_state():
        yield


def tree(function: Callable[..., Any], *args: Any, dynamic: bool | None = False) -> GuardTree:
    """The guards that torch makes for a call."""
    function = with_own_code(function)
    torch.compile(function, backend="eager", dynamic=dynamic)(*args)
    (entry,) = torch._dynamo.eval_frame._debug_get_cache_entry_list(function.__code__)
    return GuardTree(entry.guard_manager)


def below(node: GuardNode) -> Iterator[GuardNode]:
    for child in node.children:
        yield child
        yield from below(child)


def leaves_on(root: GuardNode, source: str) -> dict[str, str]:
    """Kind -> text without comments, of the guards on one source."""
    return {
        leaf.kind: " and ".join(map(wording.expression, leaf.parts))
        for node in below(root)
        if node.source == source
        for leaf in node.leaves
    }


def relations(function: Callable[..., Any], *args: Any) -> list[str]:
    """The conditions on sizes, with Dynamo's comments."""
    return [part for leaf in tree(function, *args, dynamic=True).relations for part in leaf.parts]


# --- one value -----------------------------------------------------------------------------------------------


def uses(x: torch.Tensor, value: Any) -> torch.Tensor:
    return x + 1 if value else x * 2


@pytest.mark.parametrize("value", [None, True, False, 3, "fast", b"raw", 1.5], ids=repr)
def test_a_guard_on_a_value_wants_the_one_that_it_was_made_for(value: Any) -> None:
    ((kind, text),) = leaves_on(tree(uses, torch.ones(2), value), "L['value']").items()

    wanted = wording.wanted(kind, text)

    assert wanted.asks is (Asks.IS_NONE if value is None else Asks.VALUE)
    assert (wanted.value, wanted.type) == (repr(value), type(value).__name__)


@pytest.mark.parametrize("value", [(), (1, 2), [3]], ids=repr)
def test_a_guard_on_a_length_wants_the_one_that_it_was_made_for(value: Any) -> None:
    text = leaves_on(tree(uses, torch.ones(2), value), "L['value']")["LENGTH_CHECK"]

    wanted = wording.wanted("LENGTH_CHECK", text)

    assert (wanted.asks, wanted.value, wanted.type) == (Asks.LENGTH, str(len(value)), "int")


class Options:
    def __init__(self) -> None:
        self.strict = True


def test_a_class_is_named_without_its_module() -> None:
    found = leaves_on(tree(lambda x, options: x + options.strict, torch.ones(2), Options()), "L['options']")

    wanted = wording.wanted("TYPE_MATCH", found["TYPE_MATCH"])

    assert (wanted.asks, wanted.value, wanted.type) == (Asks.TYPE, "Options", "Options")


def looks_up(x: torch.Tensor, table: Any) -> torch.Tensor:
    return x + 1 if "mask" in table else x * 2


@pytest.mark.parametrize(
    ("table", "kind", "asks"),
    [
        ({"mask": 1}, "DICT_CONTAINS", Asks.HAS_KEY),
        ({"other": 1}, "DICT_CONTAINS", Asks.LACKS_KEY),
        ({"mask"}, "SET_CONTAINS", Asks.HAS_KEY),
        ({"other"}, "SET_CONTAINS", Asks.LACKS_KEY),
    ],
    ids=["in a dict", "not in a dict", "in a set", "not in a set"],
)
def test_a_guard_on_one_key_names_the_key(table: Any, kind: str, asks: Asks) -> None:
    text = leaves_on(tree(looks_up, torch.ones(2), table), "L['table']")[kind]

    wanted = wording.wanted(kind, text)

    assert (wanted.asks, wanted.aspect, wanted.key) == (asks, Aspect.KEYS, repr("mask"))


def test_texts_hold_no_ids_once_they_are_taken_out() -> None:
    found = leaves_on(tree(lambda x, act: act(x), torch.ones(2), nn.ReLU()), "L['act']")

    text = found["TYPE_MATCH"]

    assert str(id(nn.ReLU)) in text
    assert wording.without_addresses(text) == text.replace(str(id(nn.ReLU)), "<id>")


# --- tensors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tensor",
    [
        torch.ones(4, 8),
        torch.ones(2, 3, dtype=torch.bfloat16).t(),
        torch.tensor(3),
        torch.ones(5, requires_grad=True),
        nn.Parameter(torch.ones(2, 2)),
        torch.empty(3, 2, device="meta"),
    ],
    ids=["plain", "transposed bfloat16", "no dimension", "with gradient", "parameter", "meta"],
)
def test_the_text_of_a_tensor_guard_is_what_the_tensor_looked_like(tensor: torch.Tensor) -> None:
    text = leaves_on(tree(lambda x: x + 1, tensor), "L['x']")[wording.TENSOR]

    expected = wording.expected_tensor(text)

    assert expected is not None
    assert (expected.size, expected.stride) == (tuple(tensor.shape), tensor.stride())
    assert (expected.dtype, expected.device) == (str(tensor.dtype), str(tensor.device))
    assert expected.requires_grad == tensor.requires_grad
    assert expected.type.rpartition(".")[2] == type(tensor).__name__


def test_a_dynamic_dimension_is_free() -> None:
    x = torch.ones(4, 8)
    torch._dynamo.mark_dynamic(x, 0)

    expected = wording.expected_tensor(leaves_on(tree(lambda x: x + 1, x), "L['x']")[wording.TENSOR])

    assert expected is not None
    assert (expected.size, expected.stride) == ((None, 8), (8, 1))


# --- several values ------------------------------------------------------------------------------------------


def branches(x: torch.Tensor) -> torch.Tensor:
    return x * 2 if x.shape[0] <= 8 else x * 3


def asks_for_a_square(x: torch.Tensor) -> torch.Tensor:
    return x @ x if x.shape[0] == x.shape[1] else x


def halves(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x[: y.shape[0]] + y if x.shape[0] == 2 * y.shape[0] else x


def counts(x: torch.Tensor, n: int) -> torch.Tensor:
    return x * n if n > 3 else x


@pytest.mark.parametrize(
    ("function", "args", "asks"),
    [
        (lambda x: x + 1, (torch.ones(3),), {Asks.SIZE_FROM_TWO}),
        (branches, (torch.ones(5),), {Asks.SIZE_FROM_TWO}),
        (asks_for_a_square, (torch.ones(4, 4),), {Asks.SIZE_FROM_TWO, Asks.EQUAL_SIZES, Asks.STRIDE_RELATION}),
        (halves, (torch.ones(8), torch.ones(4)), {Asks.SIZE_FROM_TWO, Asks.SIZE_RELATION}),
        (counts, (torch.ones(3), 7), {Asks.SIZE_FROM_TWO, Asks.NUMBER_RELATION}),
    ],
    ids=["lower bound", "range", "equality", "proportion", "number"],
)
def test_conditions_on_sizes_are_told_apart(
    function: Callable[..., Any], args: tuple[Any, ...], asks: set[Asks]
) -> None:
    found = relations(function, *args)

    assert {wording.relation(wording.expression(part)) for part in found} == asks


def test_the_terms_of_a_condition_are_sizes_of_the_call() -> None:
    x, y = torch.ones(8), torch.ones(4)

    terms = {term for part in relations(halves, x, y) for term in wording.terms(wording.expression(part))}

    sizes = {wording.tensor_of(t.source): (t.dim, evaluate(t.source, {"L": {"x": x, "y": y}})) for t in terms}
    assert sizes == {"L['x']": (0, 8), "L['y']": (0, 4)}


def equalities(function: Callable[..., Any], *args: Any, dynamic: bool | None) -> list[str]:
    parts = [part for leaf in tree(function, *args, dynamic=dynamic).relations for part in leaf.parts]
    return [p for p in parts if wording.relation(wording.expression(p)) is Asks.EQUAL_SIZES]


def test_sizes_that_nobody_compares_are_equal_by_chance() -> None:
    (part,) = equalities(lambda x: x.sum(0) * 2, torch.ones(4, 4), dynamic=True)

    assert wording.is_by_chance(part)


def test_sizes_that_the_code_compares_are_not_equal_by_chance() -> None:
    x = torch.ones(4, 4)
    for dim in (0, 1):
        torch._dynamo.maybe_mark_dynamic(x, dim)  # two symbols, whatever their sizes

    (part,) = equalities(asks_for_a_square, x, dynamic=None)

    assert not wording.is_by_chance(part)


def test_two_arguments_that_are_one_object_are_named() -> None:
    x = torch.ones(3)

    found = [wording.aliases(wording.expression(part)) for part in relations(lambda x, y: x + y, x, x)]

    assert [pair for pair in found if pair] == [("L['x']", "L['y']")]


def test_the_places_behind_a_range_are_lines_of_the_function() -> None:
    (part,) = relations(branches, torch.ones(5))

    places = wording.places(part)

    code = branches.__code__
    assert len(places) == 2
    assert {(place.line, place.function) for place in places} == {(code.co_firstlineno + 1, "branches")}
    assert all(code.co_filename.endswith(place.path) for place in places)


def test_the_lower_half_of_a_range_is_a_condition_of_its_own() -> None:
    (text,) = map(wording.expression, relations(branches, torch.ones(5)))

    lower = wording.lower_half(text)

    assert lower is not None
    answers = {size: evaluate(lower, {"L": {"x": torch.ones(size)}}) for size in (1, 2, 5, 9)}
    assert answers == {1: False, 2: True, 5: True, 9: True}


# --- sources -------------------------------------------------------------------------------------------------

STEP = 3
OPTIONS = Options()


class Holder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, 3), nn.Linear(3, 3)])
        self.register_buffer("seen", torch.ones(3))
        self.scale, self.table = 2, {"a": [1, 2]}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x) * self.scale + self.seen
        return x * self.table["a"][1]


def test_a_source_in_the_words_of_the_user_is_the_same_value_in_python() -> None:
    holder = Holder()
    torch.compile(holder, backend="eager")(torch.ones(2, 3))
    (entry,) = torch._dynamo.eval_frame._debug_get_cache_entry_list(Holder.forward.__code__)

    sources = [node.source for node in below(GuardTree(entry.guard_manager)) if node.source.startswith("L['self']")]

    plain = {s: wording.readable(s) for s in sources if re.fullmatch(r"[\w.\[\]']+", wording.readable(s))}
    assert {"self.layers[1].weight", "self.scale", "self.table['a'][1]", "self.seen"} <= set(plain.values())
    stores = ("_modules", "_parameters", "_buffers", "__dict__")
    for source, path in plain.items():
        if not path.endswith(stores):
            assert eval(path, {"self": holder}) is evaluate(source, {"L": {"self": holder}}), source


def reads_globals(x: torch.Tensor) -> torch.Tensor:
    return x * STEP + OPTIONS.strict


def test_a_global_name_is_told_from_what_its_object_holds() -> None:
    sources = {node.source for node in below(tree(reads_globals, torch.ones(2)))}

    found = {
        wording.readable(source): wording.subject(source)
        for source in sources
        if "strict" in source or "STEP" in source
    }

    assert found == {"STEP": Subject.GLOBAL_NAME, "OPTIONS.strict": Subject.PATH}


def test_the_key_at_a_position_names_its_dict() -> None:
    def sums(x: torch.Tensor, table: dict[str, int]) -> torch.Tensor:
        for value in table.values():
            x = x + value
        return x

    table = {"a": 1, "b": 2}

    sources = [node.source for node in below(tree(sums, torch.ones(2), table))]

    keys = {evaluate(s, {"L": {"table": table}}): wording.dict_of_key(s) for s in sources if wording.dict_of_key(s)}
    assert keys == {"a": "L['table']", "b": "L['table']"}
