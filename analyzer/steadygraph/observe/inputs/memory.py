"""Where a tensor lies in memory, and which tensors have some of it in common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import torch

from steadygraph import torch_private

#: Tensors of one memory, and elements between the ends of two of them, beyond which nobody looks.
_MOST_TENSORS = 256
_MOST_ELEMENTS = 2**26


def memory(tensor: torch.Tensor) -> int:
    """Where the memory that a tensor is a view of begins; 0 for a tensor without memory."""
    if not address(tensor):
        return 0
    storage = tensor.untyped_storage()
    return torch_private.storage_id(tensor) if torch_private.is_fake(tensor) else storage.data_ptr()


def address(tensor: torch.Tensor) -> int:
    """Where a tensor's first element lies; 0 for a tensor without memory.

    A fake tensor has none either, but fakes that share a storage would share memory.
    """
    if tensor.is_meta:
        return 0
    try:
        if torch_private.is_fake(tensor):
            if tensor.numel() == 0:
                return 0
            return torch_private.storage_id(tensor) + int(tensor.storage_offset()) * tensor.itemsize
        return tensor.data_ptr()
    except (NotImplementedError, RuntimeError):  # sparse and functional tensors have no storage
        return 0


def overlapping(tensors: Sequence[tuple[str, torch.Tensor]]) -> tuple[tuple[str, str], ...]:
    """Pairs of names of different tensors that have elements in common; two halves of one memory have none.

    Whether it is so is only told where it is certain: of tensors of one element size and of known sizes.
    """
    if len(tensors) < 2:
        return ()
    by_memory: dict[int, list[tuple[str, torch.Tensor]]] = {}
    for name, tensor in tensors:
        if _is_plain(tensor) and (place := memory(tensor)):
            by_memory.setdefault(place, []).append((name, tensor))
    return tuple(pair for group in by_memory.values() for pair in _overlapping(group))


def _overlapping(group: Sequence[tuple[str, torch.Tensor]]) -> Iterator[tuple[str, str]]:
    if len(group) > _MOST_TENSORS:
        return
    for (name, one), (other_name, other) in combinations(group, 2):
        if one is not other and one.itemsize == other.itemsize and _meet(one, other):
            yield name, other_name


def _is_plain(tensor: torch.Tensor) -> bool:
    if tensor.layout is not torch.strided or tensor.is_nested or tensor.is_meta:
        return False
    return all(type(size) is int for size in (*tensor.shape, *tensor.stride(), tensor.storage_offset()))


def _meet(one: torch.Tensor, other: torch.Tensor) -> bool:
    (first, last), (other_first, other_last) = _ends(one), _ends(other)
    if last < other_first or other_last < first:
        return False
    start, length = min(first, other_first), max(last, other_last) - min(first, other_first) + 1
    if length > _MOST_ELEMENTS:
        return False
    with torch_private.without_modes():
        covered = torch.zeros(length, dtype=torch.bool, device="cpu")
        covered.as_strided(one.shape, one.stride(), first - start).fill_(True)
        return bool(covered.as_strided(other.shape, other.stride(), other_first - start).any())


def _ends(tensor: torch.Tensor) -> tuple[int, int]:
    """The first and the last element, counted from where the memory begins."""
    first = int(tensor.storage_offset())
    return first, first + sum((size - 1) * step for size, step in zip(tensor.shape, tensor.stride(), strict=True))
