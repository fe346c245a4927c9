"""Which operators make the host wait for the device: read off the CUDA implementations in ATen (torch 2.13).

What decides is ``c10/cuda/CUDAFunctions.h``: the host waits in ``memcpy_and_sync`` and ``stream_synchronize``, which is
also where ``torch.cuda.set_sync_debug_mode`` warns.  PyTorch's own list is ``test_sync_warning`` in
``test/test_torch.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

_AS_VALUE = "reading a tensor as a Python value (.item(), bool(), int(), float())"
_LINALG = "the error check of torch.linalg"

#: ATen operators whose result has a size, or is a Python value, that only the data tells: name -> words for the user.
_BLOCKING = {
    "_local_scalar_dense": _AS_VALUE,
    "is_nonzero": _AS_VALUE,
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
    "allclose": "torch.allclose",
    # "When inputs are on a CUDA device, this function synchronizes that device with the CPU" (torch.linalg's pages):
    # whether the decomposition worked is asked on the host.
    "_linalg_check_errors": _LINALG,
    "_linalg_eigh": _LINALG,
    "_linalg_svd": _LINALG,
    "linalg_eig": _LINALG,
    "linalg_pinv": _LINALG,
}
_COPIES = frozenset({"_to_copy", "copy_"})
_MASKS = (torch.bool, torch.uint8)


def blocking_operation(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: str = "") -> str | None:
    """What about this ATen operator would block the host; None if nothing.

    Args:
        name: Name of the operator without namespace and overload (``index_put_``).
        args: Its positional arguments.
        kwargs: Its keyword arguments.
        device: Only tensors on a device of this type are waited for; "": all are taken for such.
    """
    if name in _BLOCKING:
        return _BLOCKING[name] if any(_on(a, device) for a in args) else None
    depends = _WITH_SOME_ARGUMENTS.get(name)
    return depends(args, kwargs, device) if depends is not None and _any_on(args, device) else None


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy between host and device for which the host waits, or may wait."""

    words: str
    certain: bool = True


def waiting_copy(name: str, args: Sequence[Any], kwargs: Mapping[str, Any], device: str) -> Copy | None:
    """Does this operator copy between host and device, and does the host wait for it?  On a CPU alone, nothing does.

    ``copy_kernel_cuda`` ends in ``memcpy_and_sync`` unless ``non_blocking`` is set, from pinned memory too.  With it,
    CUDA itself says of memory that is not pinned that the call "might be synchronous with respect to host".
    """
    if name not in _COPIES or not device:
        return None
    if name == "copy_":
        target, source = args[0], args[1]
        host, to = (target if _is_on_host(target) else source), target.device
    else:
        host = source = args[0]
        to = torch.device(kwargs.get("device") or source.device)
    if {source.device.type, to.type} != {"cpu", device} or _is_empty(source):
        return None
    words = "a copy to the device" if to.type == device else "a copy to the host"
    if not (kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2])):
        return Copy(words)
    # .to("cpu", non_blocking=True) makes its result in pinned memory.
    if host.device.type == device or host.is_pinned():
        return None
    where = "from" if to.type == device else "into"
    return Copy(f"{words} with non_blocking {where} memory that is not pinned", certain=False)


def is_read(value: object, device: str) -> bool:
    """Would the host wait for the values of this?  An empty tensor has none."""
    return isinstance(value, torch.Tensor) and _on(value, device) and not _is_empty(value)


def _is_mask(index: object) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in _MASKS


def _on(value: object, device: str) -> bool:
    return isinstance(value, torch.Tensor) and (not device or value.device.type == device)


def _any_on(args: Sequence[Any], device: str) -> bool:
    return any(_any_on(a, device) if isinstance(a, list | tuple) else _on(a, device) for a in args)


def _is_on_host(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type == "cpu"


def _is_empty(tensor: torch.Tensor) -> bool:
    count = tensor.numel()
    return isinstance(count, int) and count == 0  # a size that is not known is a symbol


def _index(args: Sequence[Any], _kwargs: Mapping[str, Any], device: str) -> str | None:
    """The elements that a mask selects are counted on the host, unless the mask is there (torch >= 2.9, #156384)."""
    if any(_is_mask(i) and _on(i, device) for i in args[1]):
        return "indexing with a bool mask"
    return _copied_index("indexing with a tensor of the CPU", args, device)


def _index_put(args: Sequence[Any], _kwargs: Mapping[str, Any], device: str) -> str | None:
    if _is_masked_fill(args, device):
        return None
    if any(_is_mask(i) and _on(i, device) for i in args[1]):
        return "assignment through a bool mask"
    # It could be a fill, https://github.com/pytorch/pytorch/pull/186486, and is a copy.
    if device and any(_is_on_host(value) and value.dim() == 0 for value in args[2:3]):
        return "assignment of a number through indices"
    return _copied_index("assignment through indices of the CPU", args, device)


def _copied_index(words: str, args: Sequence[Any], device: str) -> str | None:
    """``expandTensors`` (ATen/native/IndexingUtils.h) moves indices to the device of what they index, and waits."""
    moved = device and any(_is_on_host(i) and not _is_mask(i) for i in args[1])
    return words if moved and _on(args[0], device) else None


def _is_masked_fill(args: Sequence[Any], device: str) -> bool:
    """``x[mask] = 0`` becomes a masked_fill inside of the operator: one value and masks only need no nonzero.

    ``canDispatchToMaskedFill`` (ATen/native/TensorAdvancedIndexingUtils.h): the value is on the host, and there is one
    mask on the device of ``x``.  On a CPU alone a value of the device cannot be told from one of the host.
    """
    if len(args) < 3 or (len(args) > 3 and args[3]):
        return False
    value, indices = args[2], [i for i in args[1] if i is not None]
    if device and not (_is_on_host(value) and len(indices) == 1 and _on(indices[0], device)):
        return False
    return all(map(_is_mask, indices)) and value.numel() == 1


def _repeat_interleave(args: Sequence[Any], kwargs: Mapping[str, Any], device: str) -> str | None:
    repeats = args[1] if len(args) > 1 else args[0]
    sized = kwargs.get("output_size") is not None
    return None if sized or not _on(repeats, device) else "repeat_interleave without output_size"


def _histc(args: Sequence[Any], kwargs: Mapping[str, Any], _device: str) -> str | None:
    """``_histc_cuda_template`` looks for the range itself where none is given."""
    low, high = (args[i] if len(args) > i else kwargs.get(name, 0) for i, name in ((2, "min"), (3, "max")))
    return "torch.histc without a range" if low == high else None


def _normal(args: Sequence[Any], _kwargs: Mapping[str, Any], device: str) -> str | None:
    """``CHECK_NORMAL_TENSOR_STD``: is every deviation positive?"""
    return "torch.normal with a tensor of deviations" if len(args) > 1 and _on(args[1], device) else None


def _fill(position: int, words: str) -> Callable[[Sequence[Any], Mapping[str, Any], str], str | None]:
    """``masked_fill__cuda`` and ``index_fill_`` read a value that is a tensor; one of the host costs nothing."""

    def fill(args: Sequence[Any], _kwargs: Mapping[str, Any], device: str) -> str | None:
        return words if device and _on(args[position], device) else None

    return fill


def _where(args: Sequence[Any], _kwargs: Mapping[str, Any], device: str) -> str | None:
    """``where_self_out`` moves 0-d operands of the host; a number becomes a tensor on the device right away."""
    return "torch.where with a 0-d tensor of the CPU" if device and any(map(_is_on_host, args)) else None


_masked_fill = _fill(2, "masked_fill with a value on the device")
_index_fill = _fill(3, "index_fill with a value on the device")
#: Operators that block with some arguments and not with others.
_WITH_SOME_ARGUMENTS: dict[str, Callable[[Sequence[Any], Mapping[str, Any], str], str | None]] = {
    "index": _index,
    "_unsafe_index": _index,
    "index_put": _index_put,
    "index_put_": _index_put,
    "_index_put_impl_": _index_put,
    "repeat_interleave": _repeat_interleave,
    "histc": _histc,
    "normal": _normal,
    "masked_fill": _masked_fill,
    "masked_fill_": _masked_fill,
    "index_fill": _index_fill,
    "index_fill_": _index_fill,
    "where": _where,
}
#: Names, without namespace and overload, of which ``blocking_operation`` or ``waiting_copy`` may have something to say.
MAY_WAIT = frozenset({*_BLOCKING, *_WITH_SOME_ARGUMENTS, *_COPIES})
