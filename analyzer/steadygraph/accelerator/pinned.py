"""Pinned memory of a simulated device: ordinary memory, and the list of what was asked to be pinned."""

from __future__ import annotations

import torch
from torch.multiprocessing.reductions import StorageWeakRef


class PinnedMemory:
    """Which tensors of the CPU lie in pinned memory.

    Storages are kept by weak reference, which keeps their identity from being given to another one.
    """

    def __init__(self) -> None:
        self._storages: dict[int, StorageWeakRef] = {}

    def remember(self, tensor: torch.Tensor) -> None:
        reference = _reference(tensor)
        self._storages[reference.cdata] = reference

    def is_pinned(self, tensor: torch.Tensor) -> bool:
        return _reference(tensor).cdata in self._storages

    def pin(self, tensor: torch.Tensor) -> torch.Tensor:
        """A copy in pinned memory; the tensor itself if it is there already."""
        if tensor.device.type != "cpu" or self.is_pinned(tensor):
            return tensor
        copy = tensor.clone()
        self.remember(copy)
        return copy


def _reference(tensor: torch.Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call]
