"""Host synchronisation: where the host has to wait for the device.

On a CPU nothing waits, but the operators that would make a GPU's host wait are known by name, and so is the line that
calls them.  Every tensor of a CPU run is taken for one that a deployment keeps on its device.

An operator is looked at before it runs: on a simulated device it may not come back.
"""

from __future__ import annotations

import contextlib
import threading
import types
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import one_hot
from torch.overrides import TorchFunctionMode

from steadygraph import torch_private
from steadygraph.model import BreakReason, Location, Observation, Sync
from steadygraph.observe.syncs import allowance, sync_debug
from steadygraph.observe.syncs.blocking import MAY_WAIT, blocking_operation, is_read, waiting_copy
from steadygraph.observe.syncs.sync_ledger import AllowedBlock, SyncLedger
from steadygraph.torch_private import bare_name, explicit_waits, fake_tensor_type, unseen_by_modules, watching_ops
from steadygraph.torch_private.replacement import replaced

#: Methods that read a whole tensor: on a CPU tensor they run no operator, on one of the device one or many.
_READS: dict[Callable[..., Any], str] = {
    torch.Tensor.tolist: ".tolist()",
    torch.Tensor.cpu: ".cpu()",
    torch.Tensor.numpy: ".numpy()",
    torch.Tensor.__array__: "conversion to numpy",
    torch.Tensor.__repr__: "printing a tensor",
    torch.Tensor.__format__: "printing a tensor",
}
#: Functions that make a tensor of values of the host: what copies them to the device is no operator that a mode sees.
_MAKERS: dict[Callable[..., Any], str] = {
    torch.tensor: "torch.tensor(..., device=)",
    torch.as_tensor: "torch.as_tensor(..., device=)",
    torch.asarray: "torch.asarray(..., device=)",
    torch.Tensor.new_tensor: ".new_tensor()",
}
#: Functions that are ``nonzero`` below: how the user's line calls them.
_NAMES: dict[Callable[..., Any], str] = {
    torch.argwhere: "argwhere",
    torch.Tensor.argwhere: "argwhere",
    torch.where: "torch.where with a condition alone",
}
#: What is looked at before it becomes operators; all else, most of what a model calls, runs straight away.
_SEEN = frozenset({*_READS, *_MAKERS, *_NAMES, one_hot})


class _Thread(threading.local):
    """What a thread is doing."""

    muted = False
    name: str | None = None


class SyncWatch:
    """Counts what would block the host in a block, by operation and line.

    Args:
        regions: Code objects of the compiled regions' forwards.
        device: Only tensors on a device of this type count; "": all do.
        confirm: Ask CUDA as well: the device is a real one.
    """

    def __init__(self, regions: Collection[types.CodeType] = (), device: str = "", *, confirm: bool = False) -> None:
        self.device = device
        self._confirm = confirm
        self._ledger = SyncLedger(regions)
        self._thread = _Thread()

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for owner, name, words in explicit_waits():
                stack.enter_context(replaced(owner, {name: self._telling(words, getattr(owner, name))}))
            fake = fake_tensor_type()
            stack.enter_context(replaced(fake, {"tolist": self._reading(torch.Tensor.tolist, fake.tolist)}))
            if self._confirm:
                stack.enter_context(sync_debug.listening(lambda: self._ledger.hear(sync_debug.OPERATION)))
            stack.enter_context(allowance.noting(self._ledger.allowed))
            stack.enter_context(unseen_by_modules(lambda mode: isinstance(mode, _FunctionWatch)))
            stack.enter_context(_FunctionWatch(self))
            stack.enter_context(watching_ops(self._operator))
            yield

    def syncs(self) -> tuple[Sync, ...]:
        """What was found, in the order in which it was first seen."""
        found = self._ledger.found()
        return sync_debug.confirmed(found, self._ledger.heard()) if self._confirm else found

    @property
    def blocks(self) -> Sequence[AllowedBlock]:
        """The ``allow_sync`` blocks that were run."""
        return self._ledger.blocks

    def note(self, operation: str, *, certain: bool = True, explicit: bool = False) -> None:
        if not self._thread.muted:
            words = self._thread.name if self._thread.name and operation == "nonzero" else operation
            self._ledger.note(words, certain=certain, explicit=explicit)

    @contextlib.contextmanager
    def muted(self) -> Iterator[None]:
        """A block in which nothing counts."""
        before, self._thread.muted = self._thread.muted, True
        try:
            yield
        finally:
            self._thread.muted = before

    @contextlib.contextmanager
    def named(self, words: str) -> Iterator[None]:
        """A block in which nonzero is called this."""
        before, self._thread.name = self._thread.name, words
        try:
            yield
        finally:
            self._thread.name = before

    def _operator(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        name = bare_name(op)
        if name not in MAY_WAIT:
            return op(*args, **kwargs)
        if (operation := blocking_operation(name, args, kwargs, self.device)) is not None:
            self.note(operation)
        elif (copy := waiting_copy(name, args, kwargs, self.device)) is not None:
            self.note(copy.words, certain=copy.certain)
        return op(*args, **kwargs)

    def read(self, method: Callable[..., Any], tensor: object, run: Callable[[], Any]) -> Any:
        """Run one of the methods that read a whole tensor: it counts once, whatever it does."""
        if is_read(tensor, self.device):
            self.note(_READS[method])
        with self.muted():
            return run()

    def _reading(self, method: Callable[..., Any], own: Callable[..., Any]) -> Callable[..., Any]:
        return lambda tensor: self.read(method, tensor, lambda: own(tensor))

    def _telling(self, words: str, wait: Callable[..., Any]) -> Callable[..., Any]:
        def waiting(*args: Any, **kwargs: Any) -> Any:
            self.note(words, explicit=True)
            return wait(*args, **kwargs)

        return waiting


class _FunctionWatch(TorchFunctionMode):
    """Sees what becomes no operator, or several, or one of another name."""

    def __init__(self, watch: SyncWatch) -> None:
        super().__init__()
        self._watch = watch

    def __torch_function__(self, func: Any, types_: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in _SEEN:
            return func(*args, **kwargs)
        if func in _READS:
            return self._watch.read(func, args[0], lambda: func(*args, **kwargs))
        if func in _MAKERS and self._watch.device:
            return self._made(func, args, kwargs)
        if func is one_hot and _knows_its_classes(*args, **kwargs):
            with self._watch.muted():
                return func(*args, **kwargs)
        with self._watch.named(_NAMES[func]) if func in _NAMES else contextlib.nullcontext():
            return func(*args, **kwargs)

    def _made(self, func: Any, args: Any, kwargs: Any) -> Any:
        values = args[1:] if func is torch.Tensor.new_tensor else args
        data = values[0] if values else kwargs.get("data", kwargs.get("obj"))
        device = self._watch.device
        parts = [*_tensors(data)]
        one_by_one = not torch_private.is_tensor(data) and any(is_read(part, device) for part in parts)
        if one_by_one:  # before it runs: a simulated device has none of the values
            self._watch.note(_MAKERS[func])
        with self._watch.muted():
            made = func(*args, **kwargs)
        from_device = any(is_read(part, device) for part in parts)
        if not one_by_one and is_read(made, device) != from_device:
            self._watch.note(_MAKERS[func])
        return made


def _tensors(data: object) -> Iterator[torch.Tensor]:
    """The tensors among the values that a tensor is made of."""
    if torch_private.is_tensor(data):
        yield data
    elif isinstance(data, list | tuple):
        for item in data:
            yield from _tensors(item)


def _knows_its_classes(_ids: torch.Tensor, num_classes: int = -1) -> bool:
    """With a number of classes ``one_hot`` reads its values on a CPU only, to check them (torch 2.13)."""
    return num_classes >= 0


def when_compiled(syncs: Iterable[Sync], observations: Iterable[Observation]) -> tuple[Sync, ...]:
    """Those of the syncs of an eager call that are there as well when the regions are compiled.

    Outside of the regions all are.  Inside, Dynamo takes many a branch away (checks that are skipped while tracing) and
    runs others as plain Python: what counts is an operator in a captured graph, or a graph break, at the same line.
    Waits that the code asks for stay where they are, and of what only CUDA names there is no operator to look for.
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
    return tuple(
        sync
        for sync in syncs
        if not sync.in_region
        or sync.explicit
        or sync.operation == sync_debug.OPERATION
        or _remains(sync.location, lines, uncompiled)
    )


def _remains(where: Location | None, lines: set[tuple[str, int]], uncompiled: set[tuple[str, str]]) -> bool:
    if where is None:
        return False
    return (where.path, where.line) in lines or (where.path, where.function) in uncompiled
