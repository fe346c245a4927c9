"""What reaches a frame in its ``*args`` and ``**kwargs``: its callers know no such tuple or dict, but each entry.

Dynamo guards the whole: ``len(L['kwargs']) == 1``.  What changed is the entry that one of the calls did not give; a
function behind a decorator has a default for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steadygraph.compare.structure import summary
from steadygraph.model import Asks, Aspect
from steadygraph.observe.guards import leaves
from steadygraph.observe.guards.asked import Asked
from steadygraph.observe.guards.sources import Names
from steadygraph.observe.guards.violation import Violation
from steadygraph.observe.inputs import structure
from steadygraph.torch_private import wording
from steadygraph.torch_private.guards import GuardNode

_NOT_GIVEN = "not given"
_SCALARS = (bool, int, float, str, bytes)


def entries(names: Names, f_locals: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """The names in ``**kwargs`` and the positions in ``*args`` of a frame, by their sources."""
    return {
        f"L[{name!r}]": _entries(f_locals[name])
        for name in (names.var_args, names.var_kwargs)
        if name is not None and isinstance(f_locals.get(name), dict | tuple)
    }


def violations(asked: Asked, node: GuardNode, value: Any) -> Iterator[Violation]:
    """The entries that only one of the two calls gives, or keywords that come in another order."""
    looked_for, whole = _failing(asked, node, value)
    if not looked_for and not whole:
        return
    before, now = _known(asked, node), _entries(value)
    changed = [key for key in (*before, *now) if (key in before) is not (key in now)] if whole else looked_for
    guarded = {child.source: child for child in node.children}
    for key in changed:
        source = f"{node.source}[{key!r}]"
        if key in now:
            yield _added(asked, source, value[key])
        else:
            yield _left_out(asked, source, guarded.get(source))
    if not changed:
        yield from _moved(node.source, before, now)


def _entries(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, dict) else tuple(range(len(value)))


def _known(asked: Asked, node: GuardNode) -> tuple[Any, ...]:
    """What there was when the guards were made; of an entry that somebody else made, what they look at."""
    known = asked.entry.variadic.get(node.source)
    return known if known is not None else tuple(_looked_at(node))


def _looked_at(node: GuardNode) -> Iterator[Any]:
    for child in node.children:
        key = child.source.removeprefix(f"{node.source}[").removesuffix("]")
        if f"{node.source}[{key}]" == child.source:
            yield ast.literal_eval(key)


def _failing(asked: Asked, node: GuardNode, value: Any) -> tuple[list[Any], bool]:
    """The keys for which guards look that do not find what they expect; does a guard on all entries fail?"""
    looked_for, whole = [], False
    for leaf in node.leaves:
        if not leaf.holds(value):
            wanted = wording.wanted(leaf.kind, " and ".join(map(wording.expression, leaf.parts)))
            if wanted.key:
                looked_for.append(ast.literal_eval(wanted.key))
            whole = whole or not wanted.key
    return looked_for, whole or any(leaves.keys(asked, node.source, value)) or _is_moved(asked, node)


def _is_moved(asked: Asked, node: GuardNode) -> bool:
    return any(
        wording.dict_of_key(child.source) is not None and not _holds(child, asked.value(child.source))
        for child in node.children
    )


def _holds(node: GuardNode, value: Any) -> bool:
    return all(leaf.holds(value) for leaf in node.leaves)


# --- one entry -----------------------------------------------------------------------------------------------


def _added(asked: Asked, source: str, value: Any) -> Violation:
    default = asked.frame.names.default(asked.readable(source))
    actual, now = summary(structure.capture(value)), type(value).__name__
    aspect, asks = _respect(default, value)
    if aspect is Aspect.PRESENCE:
        return Violation(source, wording.KEYS, asks, aspect, _NOT_GIVEN, actual, actual_type=now)
    was = summary(structure.capture(default))
    return Violation(source, wording.KEYS, asks, aspect, was, actual, type(default).__name__, now)


def _left_out(asked: Asked, source: str, node: GuardNode | None) -> Violation:
    default = asked.frame.names.default(asked.readable(source))
    was, kind = ("given", "") if node is None else (_wanted(node), node.type_name)
    if default is None and was != "None":
        return Violation(source, wording.KEYS, Asks.NOT_NONE, Aspect.NONE, was, "None", kind, "NoneType")
    return Violation(source, wording.KEYS, Asks.GIVEN, Aspect.PRESENCE, was, _NOT_GIVEN, kind)


def _respect(default: Any, value: Any) -> tuple[Aspect, Asks]:
    """In which respect a value differs from the default that it replaces."""
    if default is None and value is not None:
        return Aspect.NONE, Asks.IS_NONE
    if isinstance(default, _SCALARS) and isinstance(value, _SCALARS) and default != value:
        return Aspect.VALUE, Asks.VALUE
    return Aspect.PRESENCE, Asks.GIVEN


def _wanted(node: GuardNode) -> str:
    """What guards say of a value that is gone."""
    for leaf in node.leaves:
        text = " and ".join(map(wording.expression, leaf.parts))
        if leaf.kind == wording.TENSOR:
            return str(wording.expected_tensor(text) or "a tensor")
        if (wanted := wording.wanted(leaf.kind, text)).aspect in (Aspect.NONE, Aspect.VALUE):
            return wanted.value
    return node.type_name


def _moved(source: str, before: Iterable[Any], now: Iterable[Any]) -> Iterator[Violation]:
    """The first keyword that stands where another stood."""
    places = {key: place for place, key in enumerate(before, 1)}
    for place, key in enumerate(now, 1):
        if places[key] != place:
            yield Violation(f"{source}[{key!r}]", wording.KEYS, Asks.ORDER, Aspect.KEYS, str(places[key]), str(place))
            return
