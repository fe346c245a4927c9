"""One thing that was kept: whether it has changed since, and how it is brought back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

#: What stands for a name that has no value.
MISSING = object()


class Kept(Protocol):
    """A part of the state of a model, as it was."""

    def changed(self) -> bool:
        """Is it another now?"""

    def restore(self) -> None:
        """Make it what it was; may be called again and again."""


@dataclass(frozen=True, slots=True, eq=False)
class Binding:
    """A name, a slot, a class: whatever refers to one object."""

    read: Callable[[], Any]
    write: Callable[[Any], object]
    value: Any

    @classmethod
    def of(cls, read: Callable[[], Any], write: Callable[[Any], object]) -> Binding:
        """As it is now."""
        return cls(read, write, read())

    def changed(self) -> bool:
        return self.read() is not self.value

    def restore(self) -> None:
        if self.changed():
            self.write(self.value)
