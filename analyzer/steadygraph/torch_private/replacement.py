"""Other attributes for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

_ABSENT = object()


@contextlib.contextmanager
def replaced(owner: object, attributes: Mapping[str, object]) -> Iterator[None]:
    """Set attributes of a module or class; afterwards they are the same objects as before, or absent again."""
    own = vars(owner)
    before = {name: own.get(name, _ABSENT) for name in attributes}
    try:
        for name, value in attributes.items():
            setattr(owner, name, value)
        yield
    finally:
        for name, value in before.items():
            if value is not _ABSENT:
                setattr(owner, name, value)
            elif name in vars(owner):
                delattr(owner, name)
