"""A value with all that Dynamo could look at, without the data; and how two such values differ."""

from __future__ import annotations

import enum
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a tensor looks like.  Sizes are in elements, strides too; a symbolic size is its text."""

    shape: tuple[int | str, ...]
    dtype: str
    device: str
    stride: tuple[int | str, ...]
    requires_grad: bool
    layout: str = "torch.strided"
    subclass: str = "torch.Tensor"


@dataclass(frozen=True, slots=True)
class NoneNode:
    """``None``: a node of its own, because Dynamo burns ``is None`` into the graph."""


@dataclass(frozen=True, slots=True)
class TensorNode:
    spec: TensorSpec


@dataclass(frozen=True, slots=True)
class ValueNode:
    """A Python value that Dynamo may burn in: int, float, bool, str, bytes, enum, dtype, device, slice, ..."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class ContainerNode:
    """Anything with parts: dict, list, tuple, dataclass, NamedTuple, pytree node, plain object with attributes.

    ``children`` pairs an accessor, written as Python appends it (``['d0']``, ``[0]``, ``.tensors``), with a node.
    ``overlaps``, of a whole call, are pairs of paths of tensors that have elements in memory in common.
    """

    type: str
    children: tuple[tuple[str, Node], ...]
    overlaps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class OpaqueNode:
    """An object that is not opened (a function, a lock, a module): only its type is known."""

    type: str


@dataclass(frozen=True, slots=True)
class CycleNode:
    """A reference back to a container that is being walked; ``to`` is the path of that container."""

    to: str


Node = NoneNode | TensorNode | ValueNode | ContainerNode | OpaqueNode | CycleNode


class Aspect(enum.StrEnum):
    """In what respect two observations differ, or a guard was violated."""

    PRESENCE = "presence"  # there is a value at this path in one run only
    NONE = "none"  # None in one run, something else in the other
    TYPE = "type"
    LENGTH = "length"
    KEYS = "keys"
    VALUE = "value"
    RANK = "rank"
    SHAPE = "shape"
    DTYPE = "dtype"
    DEVICE = "device"
    STRIDE = "stride"
    REQUIRES_GRAD = "requires_grad"
    LAYOUT = "layout"
    SUBCLASS = "subclass"
    IDENTITY = "identity"  # another object of the same type
    ALIASING = "aliasing"  # two inputs share memory in one run only
    AMBIENT = "ambient"  # process-wide state: grad mode, autocast, threads, ...
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two observations.

    ``path`` is written as Python reads it from the call: ``kwargs['deepstack'].tensors['d0'].dtype``, or
    ``ambient.grad_mode``.  ``profile`` and ``serving`` are readable values.
    """

    path: str
    aspect: Aspect
    profile: str
    serving: str
    region: str = ""
