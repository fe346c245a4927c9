"""Dynamo's source expressions in the words of the user."""

import pytest
import torch
from torch import nn

from steadygraph.model import Owner
from steadygraph.observe.guards.decorated import behind
from steadygraph.observe.guards.sources import Names, names_of, owner
from steadygraph.torch_private.expressions import MISSING, evaluate
from steadygraph.torch_private.wording import parent

SELF = Names(receiver="self")


@pytest.mark.parametrize(
    ("source", "readable"),
    [
        ("L['x']", "x"),
        ("L['deep'].tensors['d0']", "deep.tensors['d0']"),
        ("L['self']._modules['layers']._modules['0']._parameters['weight']", "self.layers[0].weight"),
        ("L['self']._buffers['cache']", "self.cache"),
        ("L['self'].__dict__['step']", "self.step"),
        ("L['x'].size()[1]", "x.shape[1]"),
        ("L['x'].stride()[0]", "x.stride[0]"),
        ("G['LIMIT']", "LIMIT"),
    ],
)
def test_sources_read_like_the_users_code(source, readable):
    assert SELF.readable(source) == readable


def test_arguments_that_a_decorator_passes_on_get_the_names_of_the_decorated_function():
    def forward(self, input_ids, mask, *rest): ...

    def wrapper(self, *args, **kwargs):
        return forward(self, *args, **kwargs)

    names = names_of(wrapper.__code__, "self", behind(wrapper.__code__, {"forward": forward}))

    assert names.readable("L['args'][1]") == "mask"
    assert names.readable("L['args'][2]") == "rest[0]"
    assert names.readable("L['kwargs']['deepstack'][0]") == "deepstack[0]"


def test_the_parent_of_an_attribute_is_the_object_not_its_dict():
    assert parent("L['self'].__dict__['step']") == "L['self']"
    assert parent("L['self'].cache.seen") == "L['self'].cache"
    assert parent("L['self']._modules['a']") == "L['self']"


class Cache:
    def __init__(self):
        self.seen = 0


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.step, self.cache, self.scaling = 1, Cache(), {"a": 1.0}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("L['self'].step", Owner.MODULE),
        ("L['self'].cache.seen", Owner.OBJECT),
        ("L['self'].scaling['a']", Owner.OBJECT),
        ("L['x']", Owner.ARGUMENT),
        ("L['kwargs']['n']", Owner.ARGUMENT),
        ("G['LIMIT']", Owner.GLOBAL),
    ],
)
def test_the_owner_is_who_holds_the_value(source, expected):
    scope = {"L": {"self": Model(), "x": torch.zeros(1), "kwargs": {"n": 1}}, "G": {"LIMIT": 3}}

    assert owner(source, scope, SELF) is expected


def test_an_expression_without_a_value_is_missing_not_an_error():
    assert evaluate("L['nothing'].here", {"L": {}}) is MISSING
    assert evaluate("not python at all", {"L": {}}) is MISSING


class Activations(dict):
    """As transformers has it: stores classes, gives instances."""

    def __getitem__(self, key):
        return super().__getitem__(key)()


def test_an_entry_of_a_dict_is_what_it_stores_not_what_its_class_makes_of_it():
    scope = {"G": {"ACT2FN": Activations(silu=nn.SiLU)}, "L": {}}

    assert evaluate("G['ACT2FN']['silu']", scope) is nn.SiLU
