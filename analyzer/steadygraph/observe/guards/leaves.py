"""Why a value does not satisfy the conditions on it: one leaf of the guard tree, explained."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.compare.structure import summary
from steadygraph.model import Asks, Aspect
from steadygraph.observe.guards.asked import Asked
from steadygraph.observe.guards.tensor_guards import mismatches
from steadygraph.observe.guards.violation import Violation
from steadygraph.observe.inputs import structure
from steadygraph.torch_private import wording
from steadygraph.torch_private.guards import GuardNode, Leaf

#: What a question about a key of an object's own dict asks of the object.
_ON_ATTRIBUTES = {Asks.LACKS_KEY: Asks.NO_ATTRIBUTE, Asks.HAS_KEY: Asks.PRESENCE}


def absent(node: GuardNode) -> Violation:
    """There is no such value."""
    return Violation(node.source, "PRESENCE", Asks.PRESENCE, Aspect.PRESENCE, node.type_name, "nothing")


def violations(asked: Asked, node: GuardNode, value: Any) -> Iterator[Violation]:
    """What the first leaf says that ``value`` does not satisfy."""
    for leaf in node.leaves:
        if not leaf.holds(value):
            yield from _explained(asked, leaf, node.source, value)
            return
    yield from keys(asked, node.source, value)


def _explained(asked: Asked, leaf: Leaf, source: str, value: Any) -> Iterator[Violation]:
    text = " and ".join(map(wording.expression, leaf.parts))
    holder = wording.dict_of_key(source)
    if holder is not None:
        expected = f"key {wording.right_side(text)}"
        yield Violation(holder, leaf.kind, Asks.KEY_AT, Aspect.KEYS, expected, f"key {value!r}", text=text)
    elif leaf.kind == wording.TENSOR:
        yield from _tensor(asked, text, source, value)
    else:
        yield _one_value(leaf.kind, text, source, value)


def _one_value(kind: str, text: str, source: str, value: Any) -> Violation:
    wanted = wording.wanted(kind, text)
    if wanted.asks in _ON_ATTRIBUTES and source.endswith(".__dict__"):
        return _attribute(kind, text, source, wanted)
    aspect, expected, actual = wanted.aspect, wanted.value, _readable(value, wanted.aspect)
    now = type(value).__name__
    expected_type = wanted.type
    if value is None:
        aspect = Aspect.NONE
    elif aspect is Aspect.TYPE:
        actual = now
    elif aspect is Aspect.IDENTITY:
        expected_type = expected_type or now
        expected, actual = f"one particular {expected_type}", f"another {now}"
    return Violation(source, kind, wanted.asks, aspect, expected, actual, expected_type, now, text, key=wanted.key)


def _attribute(kind: str, text: str, source: str, wanted: wording.Wanted) -> Violation:
    """The key of an object's own dict is an attribute, and set or deleted as one."""
    path = f"{source.removesuffix('.__dict__')}.{ast.literal_eval(wanted.key)}"
    was, now = ("nothing", "an attribute") if wanted.asks is Asks.LACKS_KEY else ("an attribute", "nothing")
    return Violation(path, kind, _ON_ATTRIBUTES[wanted.asks], Aspect.PRESENCE, was, now, text=text)


# --- tensors -----------------------------------------------------------------------------------------------


def _tensor(asked: Asked, text: str, source: str, value: Any) -> Iterator[Violation]:
    expected = wording.expected_tensor(text)
    if not torch_private.is_tensor(value):
        yield _no_tensor(text, source, value, str(expected) if expected else "a tensor")
        return
    found = list(_properties(expected, text, source, value)) if expected else []
    yield from found
    # Autocast and other modes change what a tensor dispatches to: then the mode is the cause, not the tensor.
    if not found and not asked.ambient_violated:
        yield Violation(source, wording.TENSOR, Asks.TENSOR, Aspect.OTHER, text, "another kind of tensor", text=text)


def _no_tensor(text: str, source: str, value: Any, expected: str) -> Violation:
    aspect = Aspect.NONE if value is None else Aspect.TYPE
    actual, now = _readable(value, aspect), type(value).__name__
    return Violation(source, wording.TENSOR, Asks.TENSOR, aspect, expected, actual, "Tensor", now, text)


def _properties(expected: wording.ExpectedTensor, text: str, source: str, value: torch.Tensor) -> Iterator[Violation]:
    for one in mismatches(expected, value):
        size = None if one.dim is None else value.size(one.dim)
        yield Violation(
            source,
            wording.TENSOR,
            one.asks,
            one.aspect,
            one.expected,
            one.actual,
            expected_type="Tensor",
            actual_type="Tensor",
            text=text,
            suffix=one.suffix,
            dim=one.dim,
            size=size if type(size) is int else None,
        )


# --- dicts -------------------------------------------------------------------------------------------------


def keys(asked: Asked, source: str, value: Any) -> Iterator[Violation]:
    """The guard on all keys of a dict that does not hold: its manager counts the entries itself, without a leaf."""
    for made in asked.places.guards_on(source):
        for text in made.expressions if wording.is_on_keys(made.kind) else ():
            if asked.value(text) is False:
                wanted = wording.wanted_keys(text)
                actual = str(len(value)) if wanted.asks is Asks.LENGTH else repr(list(value))
                yield Violation(source, wording.KEYS, wanted.asks, wanted.aspect, wanted.value, actual, text=text)
                return


def _readable(value: Any, aspect: Aspect) -> str:
    if aspect is Aspect.LENGTH:
        try:
            return str(len(value))
        except TypeError:
            return type(value).__name__
    return summary(structure.capture(value))
