"""Other Python values: numbers, bools, texts, members of enumerations, and None."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steadygraph.engine.probing import words
from steadygraph.engine.probing.places import Derived, Place
from steadygraph.engine.probing.source_facts import SourceFacts
from steadygraph.model import Change, ContainerNode, NoneNode, OpaqueNode, Probe, TensorNode, ValueNode

_MOST_CONSTANTS = 6
_MOST_FAR_AWAY = 2


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a model beside what its call looks like.

    Args:
        source: What its code compares.
        members: Other members of an enumeration, by the name of the place that holds one.
        recipes: What may stand in the place of a None, by the name of the place: (in words, how it is built).
        sizes: Numbers with which a guard, or the code, compares.
    """

    source: SourceFacts = field(default_factory=SourceFacts)
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    recipes: Mapping[str, tuple[tuple[str, Any], ...]] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()


def nones(place: Place, facts: Facts) -> Iterator[Derived]:
    """None for a value, and a value for None."""
    before = "absent" if place.absent else words.shown(place.node)
    if isinstance(place.node, NoneNode):
        # What a configuration may have is rarely a tensor.
        most = None if place.root == "call" or len(place.path) == 1 else _MOST_FAR_AWAY
        for said, recipe in facts.recipes.get(place.name, ())[:most]:
            yield Derived(Probe(place.name, Change.NONE, before, said), (place.step("built", recipe),))
    elif not isinstance(place.node, OpaqueNode) and place.root == "call":
        yield Derived(Probe(place.name, Change.NONE, before, "None"), (place.step("constant", None),))


def constants(place: Place, facts: Facts) -> Iterator[Derived]:
    """Another value of the same type."""
    if not isinstance(place.node, ValueNode):
        return
    before = words.shown(place.node)
    for name in facts.members.get(place.name, ()):
        yield Derived(Probe(place.name, Change.VALUE, before, name), (place.step("member", name),))
    for value in _others(place, facts.source):
        yield Derived(Probe(place.name, Change.VALUE, before, words.text(value)), (place.step("constant", value),))
    if place.node.type in ("int", "float", "bool") and place.root == "call":
        found = Probe(place.name, Change.TYPE, before, "a tensor")
        yield Derived(found, (place.step("as_tensor"),))


def _others(place: Place, source: SourceFacts) -> Sequence[Any]:
    assert isinstance(place.node, ValueNode)
    try:
        value = ast.literal_eval(place.node.value)
    except (ValueError, SyntaxError):
        return ()
    if str(type(value).__name__) != place.node.type:
        return ()
    compared = source.compared.get(place.word, ())
    if isinstance(value, bool):
        found: list[Any] = [not value]
    elif isinstance(value, int):
        ints = [one for one in compared if type(one) is int]
        found = [value + 1, 0, 1, *ints, *(one + 1 for one in ints), *(one - 1 for one in ints)]
    elif isinstance(value, float):
        found = [value + 0.5, value * 2, 0.0, 1.0, *(one for one in compared if type(one) is float)]
    elif isinstance(value, str):
        found = [one for one in compared if type(one) is str] or [f"{value}_"]
    else:
        return ()
    return [one for one in dict.fromkeys(found) if one != value][:_MOST_CONSTANTS]


def containers(place: Place, facts: Facts) -> Iterator[Derived]:
    """Keys dropped, added and in another order; longer and shorter lists; a tuple for a list."""
    node = place.node
    if not isinstance(node, ContainerNode):
        return
    if node.type in ("dict", "collections.OrderedDict", "collections.defaultdict"):
        yield from _keys(place, node, facts.source)
    elif node.type in ("list", "tuple"):
        yield from _lengths(place, node)


def _keys(place: Place, node: ContainerNode, source: SourceFacts) -> Iterator[Derived]:
    steps = [accessor for accessor, _ in node.children if accessor.startswith("[") and ":" not in accessor]
    keys = []
    for step in steps:
        try:
            keys.append(ast.literal_eval(step[1:-1]))
        except (ValueError, SyntaxError):
            return
    before = words.cut(f"keys {keys}")

    def probe(now: str) -> Probe:
        return Probe(place.name, Change.KEYS, before, now)

    for key in [*keys[:2], *keys[2:][-1:]]:
        yield Derived(probe(f"without {key!r}"), (place.step("without_key", key),))
    wanted = [key for key in source.keys.get(place.word, ()) if key not in keys]
    texts: list[Any] = [key for key in keys if type(key) is str]
    numbers = [key for key in keys if type(key) is int]
    new: list[Any] = wanted[:3] or (["another"] if texts else [max(numbers) + 1] if numbers else [])
    for key in new if keys else ():
        yield Derived(probe(f"with {key!r}"), (place.step("with_key", key),))
    if len(keys) > 1:
        yield Derived(probe("in reverse order"), (place.step("keys_reversed"),))
        yield Derived(probe("no keys"), (place.step("constant", {}),))


def _lengths(place: Place, node: ContainerNode) -> Iterator[Derived]:
    count = len(node.children)
    before = f"{node.type} of {count}"
    if count:
        yield Derived(Probe(place.name, Change.LENGTH, before, f"{count + 1}"), (place.step("lengthened"),))
        yield Derived(Probe(place.name, Change.LENGTH, before, f"{count - 1}"), (place.step("shortened"),))
    if count > 1:
        yield Derived(Probe(place.name, Change.LENGTH, before, "0"), (place.step("emptied"),))
    other = "tuple" if node.type == "list" else "list"
    yield Derived(Probe(place.name, Change.TYPE, node.type, other), (place.step(f"as_{other}"),))


def objects(places: Sequence[Place]) -> Iterator[Derived]:
    """One tensor in two places, as far as they look the same."""
    tensors = [place for place in places if isinstance(place.node, TensorNode) and place.root == "call"]
    for number, place in enumerate(tensors):
        for other in tensors[number + 1 :]:
            if place.node == other.node:
                name = words.joined([place.name, other.name])
                found = Probe(name, Change.OBJECT, "two tensors", "one tensor")
                yield Derived(found, (other.step("as_at", place.path),))
                break
