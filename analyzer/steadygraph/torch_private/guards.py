"""Dynamo's guard managers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def guard_children(node: Any) -> Iterator[Any]:
    """The managers below a guard manager, those of dict keys and values included."""
    from torch._C._dynamo.guards import DictGuardManager

    if isinstance(node, DictGuardManager):
        for key, value in node.get_key_value_managers().values():
            if key is not None:
                yield key
            if value is not None:
                yield value
    yield from node.get_child_managers()


def guard_create_name(guard: Any) -> str:
    name: str = guard.create_fn_name()
    return name
