"""A call once more, with the sizes of the profile call: what its guards say then has nothing to do with sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.live.engines import tensors
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.expressions import evaluate

#: By argument, the dimensions that the engine has compiled with symbols as sizes.
DynamicDims = Mapping[str, Sequence[int]]
#: The memory that a call may take that is rebuilt.
MOST_BYTES = 1 << 28


class TooLargeError(RuntimeError):
    """The tensors of the call would take more memory than may be taken beside an engine."""


def marked(f_locals: Mapping[str, Any], dims: DynamicDims) -> dict[str, Any]:
    """The same locals, with dimensions marked as the engine marks them before it compiles."""

    def alias(name: str, tensor: torch.Tensor) -> torch.Tensor:
        wanted = _of(tensor, dims.get(name, ()))
        return torch_private.as_dynamic(tensor, wanted) if wanted else tensor

    return tensors.replaced(f_locals, alias)


class Rebuilt:
    """Empty tensors in the sizes of the profile call, of the same dtypes, devices and layouts.

    Args:
        f_locals: The locals of the call.
        entry: What was compiled at profile.
        dims: The dimensions that are symbols, of arguments that the profile call did not have.

    Raises:
        TooLargeError: They would take too much memory.
    """

    def __init__(self, f_locals: Mapping[str, Any], entry: CompiledFrame, dims: DynamicDims) -> None:
        self._dims = dims
        #: By the size in this call, that in the profile call.
        self._sizes: dict[int, int] = {}
        #: The same by identity of a tensor that the compiled graph takes, and dimension.
        self._known: dict[int, dict[int, int]] = {}
        self._read(f_locals, entry)
        self._symbols: dict[int, tuple[int, ...]] = {}
        self._bytes = 0
        self.f_locals = tensors.replaced(f_locals, self._empty)

    @property
    def marked(self) -> dict[str, Any]:
        """The locals with marks, to be traced: guards do not hold for tensors that are marked otherwise."""

        def alias(_name: str, tensor: torch.Tensor) -> torch.Tensor:
            wanted = self._symbols.get(id(tensor), ())
            return torch_private.as_if_dynamic(tensor, wanted) if wanted else tensor

        return tensors.replaced(self.f_locals, alias)

    @property
    def had_constants(self) -> bool:
        """Were there sizes in the call that Dynamo takes for constants, whatever is marked?"""
        return any(size < 2 for size in self._sizes)

    def _read(self, f_locals: Mapping[str, Any], entry: CompiledFrame) -> None:
        scope = entry.scope(f_locals)
        for graph in entry.graphs:
            for name, sizes in torch_private.symbolic_sizes(graph.module):
                tensor = evaluate(graph.sources.get(name, name), scope)
                if isinstance(tensor, torch.Tensor):
                    fitting = {dim: size for dim, size in sizes.items() if dim < tensor.dim()}
                    self._known[id(tensor)] = fitting
                    for dim, size in fitting.items():
                        self._sizes.setdefault(tensor.shape[dim], size)

    def _empty(self, name: str, tensor: torch.Tensor) -> torch.Tensor:
        sizes = self._known.get(id(tensor))
        if sizes is None:  # the graph takes nothing like it
            wanted = _of(tensor, self._dims.get(name, ()))
            sizes = {dim: self._sizes.get(tensor.shape[dim], tensor.shape[dim]) for dim in wanted}
        shape = [sizes.get(dim, size) for dim, size in enumerate(tensor.shape)]
        strides = _strides(tensor, shape)
        self._take(tensor, shape, strides)
        with torch.inference_mode(tensor.is_inference()):
            made = torch.empty_strided(shape, strides, dtype=tensor.dtype, device=tensor.device)
            made.requires_grad_(tensor.requires_grad)
        self._symbols[id(made)] = tuple(dim for dim, size in sizes.items() if size > 1)
        return made

    def _take(self, tensor: torch.Tensor, shape: Sequence[int], strides: Sequence[int]) -> None:
        last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
        self._bytes += (last + 1) * tensor.element_size()
        if self._bytes > MOST_BYTES:
            raise TooLargeError(f"its tensors would take more than {MOST_BYTES >> 20} MiB")


def _of(tensor: torch.Tensor, dims: Sequence[int]) -> list[int]:
    """These dimensions, counted from the first one, as far as the tensor has them."""
    return [dim % tensor.dim() for dim in dims if -tensor.dim() <= dim < tensor.dim()]


def _strides(tensor: torch.Tensor, shape: Sequence[int]) -> list[int]:
    """Those of the tensor; where one of them follows from sizes, that which follows from the other sizes."""
    strides, before, now = list(tensor.stride()), 1, 1
    for dim in sorted(range(tensor.dim()), key=lambda dim: (strides[dim], -dim)):
        was = strides[dim]
        if was == before:
            strides[dim] = now
        if was:
            before, now = was * tensor.shape[dim], strides[dim] * shape[dim]
    return strides
