"""A call or a result as a tree of frozen nodes: all that Dynamo could look at, without the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.model import (
    ContainerNode,
    CycleNode,
    Node,
    NoneNode,
    OpaqueNode,
    TensorNode,
    TensorSpec,
    ValueNode,
)
from steadygraph.observe.inputs.memory import overlapping
from steadygraph.observe.inputs.objects import is_read_once, parts
from steadygraph.observe.inputs.symbols import NUMBERS, Numbering
from steadygraph.observe.inputs.values import is_value, type_name, value_text

#: The type of the node that ``capture_call`` returns.
CALL = "call"
#: The type of the last child of a container that is too long: its value is the number of items that were left out.
MORE = "more"

_NONE = NoneNode()
#: Types that are cut before their items are named.
_SLICED = (list, tuple, dict)

Leaf = Callable[[str, Any], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a value is opened.

    Args:
        depth: Containers nested deeper than this are opaque nodes, so that a list in a list in a list, 5,000 times,
            neither overflows the stack here nor in whoever walks the tree.
        items: A longer container is cut; a last child with the accessor ``[items:]`` says how many are missing.
        nodes: Nodes per argument; once they are used up, all further containers are opaque.
    """

    depth: int = 40
    items: int = 1_000
    nodes: int = 10_000


def capture(value: object, limits: Limits = Limits()) -> Node:
    """The structure of one value; costs about 3 us per tensor and 1 us per Python value."""
    with torch_private.without_torch_function():
        return _Walk(limits).node(value)


def capture_call(args: Sequence[Any], kwargs: Mapping[str, Any], limits: Limits = Limits()) -> ContainerNode:
    """The structure of a call; its children are ``args[0]``, ..., ``kwargs['x']``, ...

    Each argument has limits of its own: a configuration with thousands of entries hides no tensor beside it.
    """
    arguments = [(f"args[{i}]", value) for i, value in enumerate(args)]
    arguments += [(f"kwargs[{name!r}]", value) for name, value in kwargs.items()]
    with torch_private.without_torch_function():
        numbering = Numbering()
        tensors: list[tuple[str, torch.Tensor]] = []

        def leaf(path: str, item: Any) -> None:
            if torch_private.is_tensor(item):
                tensors.append((path, item))

        nodes = tuple((path, _Walk(limits, path, leaf, numbering).node(value)) for path, value in arguments)
        return ContainerNode(CALL, nodes, overlapping(tensors))


def capture_with_leaves(value: object, limits: Limits = Limits()) -> tuple[Node, list[tuple[str, Any]]]:
    """The structure of a value, and (path, object) of each tensor and each Python value in it, in the same order.

    So are iterators, generators and coroutines, which nobody has read.
    """
    found: list[tuple[str, Any]] = []
    with torch_private.without_torch_function():
        node = _Walk(limits, leaf=lambda path, item: found.append((path, item))).node(value)
    return node, found


def leaves(value: object, limits: Limits = Limits()) -> list[tuple[str, Any]]:
    """The same objects alone; None and opaque objects are left out."""
    return capture_with_leaves(value, limits)[1]


def tensor_spec(tensor: torch.Tensor, numbering: Numbering | None = None) -> TensorSpec:
    """What a tensor looks like, without reading its data; sizes that nobody knows are numbered."""
    size = (numbering or Numbering()).size
    spec = TensorSpec(
        shape=(),
        dtype=str(tensor.dtype),
        device=str(tensor.device),
        stride=(),
        requires_grad=tensor.requires_grad,
        layout=str(tensor.layout),
        subclass=_subclass(tensor),
    )
    if tensor.is_nested:
        return replace(spec, shape=_nested_shape(tensor, size))
    shape = tuple(map(size, tensor.shape))
    if tensor.layout is not torch.strided:
        return replace(spec, shape=shape)
    return replace(spec, shape=shape, stride=tuple(map(size, tensor.stride())))


class _Walk:
    """Opens one value, depth first; ``leaf`` is told of every tensor and Python value on the way."""

    def __init__(
        self, limits: Limits, root: str = "", leaf: Leaf | None = None, numbering: Numbering | None = None
    ) -> None:
        self._limits = limits
        self._left = limits.nodes
        self._leaf = leaf
        self._numbering = numbering or Numbering()
        self._trail = [root]
        #: id of each container that is being opened -> how long the trail to it is.
        self._open: dict[int, int] = {}

    def node(self, value: Any) -> Node:
        if value is None:
            return _NONE
        self._left -= 1
        kind = type(value)
        if issubclass(kind, torch.Tensor):
            self._tell(value)
            return TensorNode(tensor_spec(value, self._numbering))
        if is_value(kind):
            self._tell(value)
            if kind in NUMBERS:
                return ValueNode(NUMBERS[kind], self._numbering.text(value))
            return ValueNode(type_name(kind), value_text(value))
        if id(value) in self._open:
            return CycleNode("".join(self._trail[: self._open[id(value)]]))
        return self._container(value, kind)

    def _container(self, value: Any, kind: type) -> Node:
        if issubclass(kind, torch.nn.Module) or self._left <= 0 or len(self._open) >= self._limits.depth:
            return OpaqueNode(type_name(kind))
        long = kind in _SLICED and len(value) > self._limits.items
        found = parts(_head(value, self._limits.items) if long else value)
        if found is None:
            if is_read_once(kind):
                self._tell(value)
            return OpaqueNode(type_name(kind))
        self._open[id(value)] = len(self._trail)
        children = tuple((accessor, self._child(accessor, item)) for accessor, item in found[: self._limits.items])
        del self._open[id(value)]
        missing = (len(value) if long else len(found)) - len(children)
        if missing > 0:
            children += ((f"[{len(children)}:]", ValueNode(MORE, str(missing))),)
        return ContainerNode(type_name(kind), children)

    def _child(self, accessor: str, item: object) -> Node:
        self._trail.append(accessor)
        node = self.node(item)
        self._trail.pop()
        return node

    def _tell(self, value: object) -> None:
        if self._leaf is not None:
            self._leaf("".join(self._trail), value)


def _head(value: Any, length: int) -> Any:
    """The first items of a list, tuple or dict: naming a million that are thrown away takes a second."""
    return dict(islice(value.items(), length)) if type(value) is dict else value[:length]


def _nested_shape(tensor: torch.Tensor, text: Callable[[Any], int | str]) -> tuple[int | str, ...]:
    """The sizes of a nested tensor; a dimension whose size varies is "ragged", whatever torch calls it this time."""
    shape: list[int | str] = []
    for dim in range(tensor.dim()):
        try:
            size = text(tensor.size(dim))
        except RuntimeError:  # strided nested tensors have no such size
            size = "ragged"
        shape.append("ragged" if isinstance(size, str) else size)
    return tuple(shape)


def _subclass(tensor: torch.Tensor) -> str:
    kind = type(tensor)
    if kind is torch.Tensor:
        return "torch.Tensor"
    if torch_private.is_fake(tensor):
        # A fake tensor stands for a real one of the same look.
        kind = torch.nn.Parameter if isinstance(tensor, torch.nn.Parameter) else torch.Tensor
    # torch gives its tensor class the module "torch" and the parameter class "torch.nn.parameter".
    return type_name(kind)
