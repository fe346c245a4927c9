"""What is known of a model for its changed calls: its code, its annotations, the values that its call holds."""

from __future__ import annotations

import enum
import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from steadygraph.case.case import Call
from steadygraph.case.user_code import is_user_file
from steadygraph.engine.probing import edits, source_facts, tensors
from steadygraph.engine.probing.guarded import Guarded
from steadygraph.engine.probing.places import Place, below
from steadygraph.engine.probing.recipes import Recipe, Recipes
from steadygraph.engine.probing.values import Facts
from steadygraph.model import NoneNode, ValueNode

_MOST_FILES = 12
_MOST_SIZES = 8
_MOST_MEMBERS = 3


def facts(model: nn.Module, call: Call, arguments: Sequence[Place], guarded: Guarded) -> Facts:
    """All of it.

    Args:
        model: Whose code is read.
        call: The profile call.
        arguments: Of it.
        guarded: What the guards of the profile call look at.
    """
    source = source_facts.read(list(dict.fromkeys((*_files(model), *guarded.files)))[:_MOST_FILES])
    places = [place for one in (*arguments, *guarded.places.values()) for place in below(one)]
    recipes = Recipes([tensors.spec(one) for one in tensors.plain(places)], source)
    hints = _hints(type(model).forward)
    root = {"args": call.args, "kwargs": {one.name: None for one in arguments} | call.kwargs}
    found: dict[str, tuple[Recipe, ...]] = {}
    members: dict[str, tuple[str, ...]] = {}
    for place in places:
        if isinstance(place.node, NoneNode):
            found[place.name] = recipes.of(place.word, _annotation(place, root, hints))
        elif isinstance(place.node, ValueNode) and place.root == "call":
            members[place.name] = _members(edits.at(root, place.path))
    sizes = tuple(sorted({*source.sizes, *guarded.sizes})[:_MOST_SIZES])
    return Facts(source, members, found, sizes)


def parameters(model: nn.Module) -> list[str]:
    """The names of the positional parameters of its forward."""
    try:
        found = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return []
    return [one.name for one in found if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]


def omitted(model: nn.Module, arguments: Sequence[Place]) -> Iterator[Place]:
    """Parameters that are None because the call does not give them."""
    given = {place.name for place in arguments}
    try:
        found = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return
    for one in found:
        if one.name not in given and one.default is None and one.kind is not one.POSITIONAL_ONLY:
            yield Place(one.name, "call", ("['kwargs']", f"[{one.name!r}]"), NoneNode())


def defaults(model: nn.Module, arguments: Sequence[Place]) -> Iterator[Place]:
    """Parameters with a plain default that the call does not give."""
    given = {place.name for place in arguments}
    try:
        found = inspect.signature(model.forward).parameters.values()
    except (TypeError, ValueError):
        return
    for one in found:
        if (
            one.name not in given
            and type(one.default) in (bool, int, float, str)
            and one.kind is not one.POSITIONAL_ONLY
        ):
            node = ValueNode(type(one.default).__name__, repr(one.default))
            yield Place(one.name, "call", ("['kwargs']", f"[{one.name!r}]"), node)


def _files(model: nn.Module) -> Iterator[str]:
    for kind in dict.fromkeys(map(type, model.modules())):
        try:
            file = inspect.getfile(kind)
        except (TypeError, OSError):
            continue
        if is_user_file(file):
            yield file


def _hints(function: Any) -> Mapping[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # a name that only type checkers import
        return {}


def _annotation(place: Place, root: Any, hints: Mapping[str, Any]) -> Any:
    if place.root != "call":
        return None
    if len(place.path) <= 2:
        return hints.get(place.name)
    if not place.path[-1].startswith("."):
        return None
    return _hints(type(edits.at(root, place.path[:-1]))).get(place.path[-1][1:])


def _members(value: Any) -> tuple[str, ...]:
    if not isinstance(value, enum.Enum):
        return ()
    return tuple(one.name for one in type(value) if one is not value)[:_MOST_MEMBERS]
