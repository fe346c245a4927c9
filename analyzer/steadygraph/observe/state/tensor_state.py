"""The values of a model's tensors, kept and brought back in place.

Memory is copied once per storage, however many tensors look at it.  Small models are copied whole; of a large one only
what is not a parameter, because a forward that writes to gigabytes of weights is rare and would be seen all the same.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import torch

from steadygraph import torch_private

#: Parameters and their gradients are copied if all of them together are no larger.
PARAMETER_LIMIT_BYTES = 64 * 2**20
#: Of all other tensors, the smallest ones are copied, up to this sum.
OTHER_LIMIT_BYTES = 512 * 2**20


@dataclass(slots=True, eq=False)
class _SavedTensor:
    """One tensor object: its look, not its data."""

    name: str
    tensor: torch.Tensor
    kind: type
    #: A second view of the same memory, with the sizes and strides of that time; None if torch makes none.
    alias: torch.Tensor | None
    version: int | None
    requires_grad: bool
    grad_fn: Any
    grad: torch.Tensor | None
    #: A copy of a tensor without a storage (sparse layouts).
    copy: torch.Tensor | None = None


@dataclass(slots=True, eq=False)
class _SavedStorage:
    storage: torch.UntypedStorage
    size_bytes: int
    parameter: bool
    tensors: list[_SavedTensor] = field(default_factory=list)
    copy: torch.Tensor | None = None
    #: The memory that was copied, as it is now.
    now: torch.Tensor | None = None

    def keep(self) -> None:
        self.now = _bytes(self.storage)
        self.copy = self.now.clone()


class TensorState:
    """Tensors of a model as they were when they were added and ``copy`` was called.

    To be used inside of ``torch_private.without_modes``: a copy made under a fake mode would hold no data.
    """

    def __init__(self) -> None:
        self._tensors: list[_SavedTensor] = []
        self._storages: dict[tuple[Any, ...], _SavedStorage] = {}

    def add(self, name: str, tensor: torch.Tensor, *, parameter: bool) -> None:
        saved = _look(name, tensor)
        self._tensors.append(saved)
        if tensor.is_meta or torch_private.is_fake(tensor):
            return
        try:
            storage = tensor.untyped_storage()
            key = (storage.device, storage.data_ptr(), storage.nbytes())
        except (NotImplementedError, RuntimeError):
            saved.copy = _copy_without_storage(tensor)
            return
        if not key[1] or not key[2]:  # nothing in memory: an empty tensor, or a wrapper around others
            return
        kept = self._storages.setdefault(key, _SavedStorage(storage, storage.nbytes(), parameter))
        kept.parameter = kept.parameter or parameter
        kept.tensors.append(saved)

    def copy(self) -> None:
        """Copy the memory of all that was added, as far as the limits go."""
        parameters = [saved for saved in self._storages.values() if saved.parameter]
        if sum(saved.size_bytes for saved in parameters) <= PARAMETER_LIMIT_BYTES:
            for saved in parameters:
                saved.keep()
        left = OTHER_LIMIT_BYTES
        others = (saved for saved in self._storages.values() if not saved.parameter)
        for saved in sorted(others, key=lambda saved: saved.size_bytes):
            left -= saved.size_bytes
            if left < 0:
                break
            saved.keep()

    def changed(self) -> bool:
        """Is a tensor another one than it was, or its data?"""
        return any(map(_look_changed, self._tensors)) or any(map(_memory_changed, self._storages.values()))

    def restore(self) -> tuple[str, ...]:
        """Bring everything back; the names of the tensors for which that was not possible, sorted."""
        lost: set[str] = set()
        for storage in self._storages.values():
            _restore_size(storage)
        for tensor in self._tensors:
            if not _restore_look(tensor):
                lost.add(tensor.name)
        for storage in self._storages.values():
            lost.update(_restore_memory(storage))
        # Last: a gradient has to fit its tensor, which it may only do by now.
        for tensor in self._tensors:
            if tensor.grad_fn is None and tensor.tensor.grad is not tensor.grad:
                tensor.tensor.grad = tensor.grad
        return tuple(sorted(lost))


def _look(name: str, tensor: torch.Tensor) -> _SavedTensor:
    try:
        alias = tensor.detach()
    except (NotImplementedError, RuntimeError, TypeError):
        alias = None
    return _SavedTensor(
        name=name,
        tensor=tensor,
        kind=type(tensor),
        alias=alias,
        version=_version(tensor),
        requires_grad=tensor.requires_grad,
        grad_fn=tensor.grad_fn,
        grad=tensor.grad if tensor.is_leaf else None,
    )


def _look_changed(saved: _SavedTensor) -> bool:
    tensor = saved.tensor
    return (
        type(tensor) is not saved.kind
        or (saved.alias is not None and not _looks_at(tensor, saved.alias))
        or (saved.copy is not None and _version(tensor) != saved.version)
        or tensor.grad_fn is not saved.grad_fn
        or tensor.requires_grad != saved.requires_grad
        or (tensor.is_leaf and tensor.grad is not saved.grad)
    )


def _memory_changed(saved: _SavedStorage) -> bool:
    if saved.storage.nbytes() != saved.size_bytes:
        return True
    if saved.copy is None or saved.now is None:
        return any(_version(tensor.tensor) != tensor.version for tensor in saved.tensors)
    return not torch.equal(saved.now, saved.copy)


def _restore_look(saved: _SavedTensor) -> bool:
    """Class, memory, sizes, strides, requires_grad; False if something stays different."""
    tensor = saved.tensor
    try:
        if type(tensor) is not saved.kind:  # a lazy parameter that was materialised
            tensor.__class__ = saved.kind
        if saved.alias is not None and not _looks_at(tensor, saved.alias):
            tensor.data = saved.alias
        if saved.copy is not None and _version(tensor) != saved.version:
            tensor.copy_(saved.copy)
        if tensor.grad_fn is not saved.grad_fn:
            if saved.grad_fn is not None:
                return False
            # Written in place with a value that requires grad: a buffer has become part of an autograd graph.
            tensor.detach_()
        if tensor.requires_grad != saved.requires_grad:
            tensor.requires_grad_(saved.requires_grad)
    except (NotImplementedError, RuntimeError, TypeError):
        return False
    return True


def _restore_size(saved: _SavedStorage) -> None:
    if saved.storage.nbytes() != saved.size_bytes:
        with contextlib.suppress(RuntimeError):  # memory that torch does not own
            saved.storage.resize_(saved.size_bytes)


def _restore_memory(saved: _SavedStorage) -> list[str]:
    """Copy the memory back if it changed; the names of the tensors that changed and were not copied."""
    if saved.storage.nbytes() != saved.size_bytes:
        return [tensor.name for tensor in saved.tensors]
    if saved.copy is None or saved.now is None:
        return [tensor.name for tensor in saved.tensors if _version(tensor.tensor) != tensor.version]
    # Compared as bytes: NaN is not equal to itself, and version counters know nothing of writes through ``.data``.
    if not torch.equal(saved.now, saved.copy):
        saved.now.copy_(saved.copy)
    return []


def _looks_at(tensor: torch.Tensor, alias: torch.Tensor) -> bool:
    """Do both show the same memory in the same way?"""
    if tensor.dtype != alias.dtype or tensor.device != alias.device or tensor.layout != alias.layout:
        return False
    if torch_private.is_fake(tensor) and tensor.layout is torch.strided:  # asking would be an operator of its own
        places = (torch_private.storage_id(tensor), torch_private.storage_id(alias))
        offsets = (tensor.storage_offset(), alias.storage_offset())
        return places[0] == places[1] and offsets[0] == offsets[1] and _strided(tensor) == _strided(alias)
    try:
        return tensor.is_set_to(alias)
    except (NotImplementedError, RuntimeError):  # sparse layouts, tensors without data
        return True


def _strided(tensor: torch.Tensor) -> tuple[torch.Size, tuple[int, ...]]:
    return tensor.shape, tensor.stride()


def _bytes(storage: torch.UntypedStorage) -> torch.Tensor:
    """The whole memory of a storage as one tensor that shares it."""
    # As long integers if they fit: torch shares work out to threads by the number of elements, and waiting for threads
    # costs more than copying a small buffer.
    dtype = torch.int64 if storage.nbytes() % 8 == 0 else torch.uint8
    return torch.empty(0, dtype=dtype, device=storage.device).set_(storage)


def _copy_without_storage(tensor: torch.Tensor) -> torch.Tensor | None:
    try:
        return tensor.detach().clone()
    except (NotImplementedError, RuntimeError, TypeError):
        return None


def _version(tensor: torch.Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version
