"""Host synchronisation: where the host has to wait for values.

On a CPU nothing waits, but the operators that would make a GPU's host wait are known by name, and so is the line that
calls them.  Every tensor of a CPU run is taken for one that a deployment keeps on its device.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode

from steadygraph.model import BreakReason, Location, Observation, Sync
from steadygraph.observe import locations
from steadygraph.observe.torch_private import watching_ops

#: ATen operators whose result has a size, or is a Python value, that only the data tells: name -> words for the user.
_BLOCKING = {
    "_local_scalar_dense": "reading a tensor as a Python value (.item(), bool(), int(), float())",
    "is_nonzero": "reading a tensor as a Python value (.item(), bool(), int(), float())",
    "nonzero": "nonzero",
    "nonzero_numpy": "nonzero",
    "argwhere": "argwhere",
    "masked_select": "masked_select",
    "_unique": "unique",
    "_unique2": "unique",
    "unique_dim": "unique",
    "unique_consecutive": "unique_consecutive",
    "unique_dim_consecutive": "unique_consecutive",
    "bincount": "bincount",
    "equal": "torch.equal",
}
_INDEXING = {
    "index": "indexing with a bool mask",
    "index_put": "assignment through a bool mask",
    "index_put_": "assignment through a bool mask",
    "_index_put_impl_": "assignment through a bool mask",
}
_MASKS = (torch.bool, torch.uint8)
#: Methods that copy to the host; on a CPU tensor they run no operator at all.
_COPIES: dict[Callable[..., Any], str] = {
    torch.Tensor.tolist: ".tolist()",
    torch.Tensor.cpu: ".cpu()",
    torch.Tensor.numpy: ".numpy()",
    torch.Tensor.__array__: "conversion to numpy",
}


class SyncWatch:
    """Counts what would block the host in a block, by operation and line.

    Args:
        regions: Code objects of the compiled regions' forwards.
        device: Only tensors on a device of this type count; "": all do.
    """

    def __init__(self, regions: Collection[types.CodeType] = (), device: str = "") -> None:
        self._device = device
        self._regions = {id(code) for code in regions}
        self._found: Counter[tuple[str, Location | None, bool]] = Counter()
        self._muted = False

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        with _MethodWatch(self), watching_ops(self._operator):
            yield

    def syncs(self) -> tuple[Sync, ...]:
        """What was found, in the order in which it was first seen."""
        return tuple(Sync(*key[:2], count, key[2]) for key, count in self._found.items())

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """A block in which nothing counts."""
        before, self._muted = self._muted, True
        try:
            yield
        finally:
            self._muted = before

    def _operator(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        operation = blocking_operation(_name(op), args, kwargs)
        if operation is not None and self.watches(args):
            self.note(operation)
        return op(*args, **kwargs)

    def watches(self, args: Sequence[Any]) -> bool:
        """Would the host wait for these arguments?  For the values of a mask it has if the mask is its own."""
        tensors = [a for a in args if isinstance(a, torch.Tensor)]
        masks = [i for a in args if isinstance(a, list | tuple) for i in a if isinstance(i, torch.Tensor)]
        return not self._device or any(tensor.device.type == self._device for tensor in masks or tensors)

    def note(self, operation: str) -> None:
        if self._muted:
            return
        location = None
        frame: types.FrameType | None = sys._getframe(1)
        while frame is not None:
            if location is None and locations.is_user_file(frame.f_code.co_filename):
                location = locations.of_line(frame.f_code, frame.f_lineno)
            if id(frame.f_code) in self._regions:
                self._found[operation, location, True] += 1
                return
            frame = frame.f_back
        self._found[operation, location, False] += 1


class _MethodWatch(TorchFunctionMode):
    def __init__(self, watch: SyncWatch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types_: Any, args: Any = (), kwargs: Any = None) -> Any:
        operation = _COPIES.get(func)
        if operation is not None and self._watch.watches(args):
            self._watch.note(operation)
        if func is one_hot and _knows_its_classes(*args, **(kwargs or {})):
            with self._watch.muted():
                return func(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _knows_its_classes(_ids: torch.Tensor, num_classes: int = -1) -> bool:
    """With a number of classes ``one_hot`` reads its values on a CPU only, to check them (torch 2.13)."""
    return num_classes >= 0


def _name(op: Any) -> str:
    """``index_put_``, or ``cond`` for a higher-order operator, which has no overloads."""
    return str(getattr(op, "overloadpacket", op).__name__)


def blocking_operation(name: str, args: Sequence[Any], kwargs: dict[str, Any]) -> str | None:
    """What about this ATen operator would block the host; None if nothing.

    Args:
        name: Name of the operator without namespace and overload (``index_put_``).
        args: Its positional arguments.
        kwargs: Its keyword arguments.
    """
    if name in _BLOCKING:
        return _BLOCKING[name]
    if name in _INDEXING:
        return _INDEXING[name] if has_mask(args[1]) and not _is_masked_fill(name, args) else None
    if name == "repeat_interleave":
        sized = kwargs.get("output_size") is not None
        by_tensor = any(isinstance(a, torch.Tensor) for a in args[-1:] if len(args) <= 1) or (
            len(args) > 1 and isinstance(args[1], torch.Tensor)
        )
        return "repeat_interleave without output_size" if by_tensor and not sized else None
    return None


def has_mask(indices: Sequence[Any]) -> bool:
    return any(isinstance(i, torch.Tensor) and i.dtype in _MASKS for i in indices)


def _is_masked_fill(name: str, args: Sequence[Any]) -> bool:
    """``x[mask] = 0`` becomes a masked_fill inside of the operator: one value and masks only need no nonzero."""
    if name == "index" or len(args) < 3:
        return False
    value: torch.Tensor = args[2]
    masks_only = all(i is None or i.dtype in _MASKS for i in args[1])
    return masks_only and value.numel() == 1 and not (len(args) > 3 and args[3])


def when_compiled(syncs: Iterable[Sync], observations: Iterable[Observation]) -> tuple[Sync, ...]:
    """Those of the syncs of an eager call that are there as well when the regions are compiled.

    Outside of the regions all are.  Inside, Dynamo takes many a branch away (checks that are skipped while tracing) and
    runs others as plain Python: what counts is an operator in a captured graph, or a graph break, at the same line.
    """
    lines: set[tuple[str, int]] = set()
    uncompiled: set[tuple[str, str]] = set()
    for seen in observations:
        lines.update((place.path, place.line) for graph in seen.graphs for place in graph.blocking)
        for one in seen.breaks:
            if one.location is None:
                continue
            lines.add((one.location.path, one.location.line))
            if one.reason in (BreakReason.SKIPPED_FRAME, BreakReason.RECOMPILE_LIMIT):
                uncompiled.add((one.location.path, one.location.function))
    return tuple(sync for sync in syncs if not sync.in_region or _remains(sync.location, lines, uncompiled))


def _remains(where: Location | None, lines: set[tuple[str, int]], uncompiled: set[tuple[str, str]]) -> bool:
    if where is None:
        return False
    return (where.path, where.line) in lines or (where.path, where.function) in uncompiled
