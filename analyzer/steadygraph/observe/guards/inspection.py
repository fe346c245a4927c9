"""All guards that a frame violates.

Dynamo stops at the first guard that fails.  Here the guard tree is walked: every node's value is looked up, every leaf
is asked, and below a node that failed nothing more is said, since what hangs there is a consequence.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from steadygraph.model import Asks, Aspect, ViolatedGuard
from steadygraph.observe.guards import leaves, relations, variadic
from steadygraph.observe.guards.asked import Asked
from steadygraph.observe.guards.violation import Violation, violated_guard
from steadygraph.torch_private import wording
from steadygraph.torch_private.expressions import MISSING
from steadygraph.torch_private.guards import GuardNode


def violated(asked: Asked) -> tuple[ViolatedGuard, ...]:
    """Every guard of the entry that the frame does not satisfy.

    Guards of process-wide state are left out, except those that show on a tensor: ambient state is compared as such.
    """
    found = [*_below(asked, asked.entry.guard_tree), *relations.violations(asked)]
    if not found and not asked.ambient_violated:
        found = list(_first_failure(asked))
    return tuple(violated_guard(asked, seen) for seen in found)


def of_arguments(asked: Asked) -> tuple[ViolatedGuard, ...]:
    """Those that look at the arguments of the frame alone: most guards are on the module, and asked one by one."""
    receiver = asked.frame.names.bound
    nodes = (node for node in asked.entry.guard_tree.children if wording.root_local(node.source) != receiver)
    found = [*(seen for node in nodes for seen in _at(asked, node)), *relations.violations(asked)]
    return tuple(violated_guard(asked, seen) for seen in found)


def first(asked: Asked) -> tuple[ViolatedGuard, ...]:
    """The one at which Dynamo stops; none where its text names no value that the tree has."""
    parts = asked.entry.guard_tree.first_failure(asked.frame.f_locals)
    wanted = wording.named_in(parts[0]) if parts else ""
    found = _along(asked, asked.entry.guard_tree, wanted) if wanted else iter(())
    return tuple(violated_guard(asked, seen) for seen in itertools.islice(found, 1))


def _along(asked: Asked, node: GuardNode, source: str) -> Iterator[Violation]:
    """Of the values that lead to this one."""
    for child in node.children:
        value = asked.value(child.source) if wording.leads_to(child.source, source) else MISSING
        if value is not MISSING:
            yield from leaves.violations(asked, child, value)
            yield from _along(asked, child, source)


def _below(asked: Asked, node: GuardNode) -> Iterator[Violation]:
    for child in node.children:
        yield from _at(asked, child)


def _at(asked: Asked, node: GuardNode) -> Iterator[Violation]:
    value = asked.value(node.source)
    if value is MISSING:
        yield leaves.absent(node)
    elif node.source in asked.frame.names.variadic:
        yield from _entries(asked, node, value)
    else:
        failures = list(leaves.violations(asked, node, value))
        yield from failures or _below(asked, node)


def _entries(asked: Asked, node: GuardNode, value: Any) -> Iterator[Violation]:
    """Of ``*args`` or ``**kwargs``: entries that are not there in both calls hide nothing of the others."""
    yield from variadic.violations(asked, node, value)
    for child in node.children:
        entry = asked.value(child.source)
        if entry is not MISSING and wording.dict_of_key(child.source) is None:
            failures = list(leaves.violations(asked, child, entry))
            yield from failures or _below(asked, child)


def _first_failure(asked: Asked) -> Iterator[Violation]:
    """What the walk cannot see: guards between several values (aliasing)."""
    parts = asked.entry.guard_tree.first_failure(asked.frame.f_locals)
    if parts is None:
        return
    text = "; ".join(parts) or "a guard that gives no text"
    asks, aspect = (Asks.ALIASING, Aspect.ALIASING) if wording.is_on_memory(text) else (Asks.OTHER, Aspect.OTHER)
    yield Violation(wording.named_in(text), "RELATIONAL", asks, aspect, wording.expression(text), "violated")
