"""What a guard asks for, as fields: rules look here, and at no text of Dynamo's."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Asks(enum.StrEnum):
    """What a guard wants to know about its value."""

    IS_NONE = "is None"
    NOT_NONE = "is not None"
    TYPE = "type"
    VALUE = "value"
    LENGTH = "length"
    EMPTY = "no entries"
    KEYS = "keys"
    KEY_AT = "key at a position"
    HAS_KEY = "has a key"
    LACKS_KEY = "lacks a key"
    GIVEN = "is given by the caller"
    ORDER = "order of keywords"
    PRESENCE = "is there"
    NO_ATTRIBUTE = "has no such attribute"
    IDENTITY = "which object"
    SAME_OBJECT = "the same object as another input"
    ALIASING = "memory shared with other inputs"
    TENSOR = "kind of tensor"
    CLASS = "class of a tensor"
    DTYPE = "dtype"
    DEVICE = "device"
    REQUIRES_GRAD = "requires_grad"
    RANK = "rank"
    SIZE = "one size"  # fixed, as a tensor guard has it
    STRIDE = "one stride"
    SIZE_FROM_TWO = "a size of 2 or more"  # Dynamo makes 0 and 1 constants
    EQUAL_SIZES = "equal sizes"
    SIZE_RELATION = "a relation of sizes"
    STRIDE_RELATION = "a relation of strides"
    NUMBER_RELATION = "a relation of numbers"
    STATE = "process-wide state"
    OTHER = "other"


#: Conditions on sizes and numbers that are symbols of the graph.
_RELATIONS = frozenset(
    {Asks.SIZE_FROM_TWO, Asks.EQUAL_SIZES, Asks.SIZE_RELATION, Asks.STRIDE_RELATION, Asks.NUMBER_RELATION}
)


class Subject(enum.StrEnum):
    """What kind of thing the guarded value is to the code that reads it."""

    PATH = "path"  # an argument, an attribute, an entry: something that a path leads to
    GLOBAL_NAME = "global name"  # a module-level name itself, not what its object holds
    VARIABLE = "variable"  # one of an enclosing function, or what hangs on it
    STACK = "stack"  # it has no name: it lay on Python's stack when a graph broke


@dataclass(frozen=True, slots=True)
class Term:
    """A size, a stride or a number in a relation, and its value at serving."""

    #: In the words of the user: ``x.shape[0]``, ``n``.
    path: str
    value: str
    #: Which dimension of a tensor; None for a number.
    dim: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What a violated guard asks for; the path, and what was expected of it, stand in the guard itself."""

    asks: Asks = Asks.OTHER
    subject: Subject = Subject.PATH
    #: Which key, as Python writes it, where one is asked for.
    key: str = ""
    #: What a relation is about, each as often as it is named.
    terms: tuple[Term, ...] = ()
    #: An equality that no code asks for (a branch, a broadcast): the sizes happened to be the same when the graph was
    #: made, and Dynamo gave them one symbol (duck shaping).
    by_chance: bool = False

    @property
    def is_relation(self) -> bool:
        """Is it about symbols of the graph, and not about one value that was burned in?"""
        return self.asks in _RELATIONS
