"""A tensor held against a tensor guard, aspect by aspect: the guard itself stops at the first thing that is off."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from steadygraph.model import Asks, Aspect
from steadygraph.observe.inputs.symbols import Numbering
from steadygraph.torch_private.wording import ExpectedTensor

_PLAIN = frozenset({"FakeTensor", "Tensor", "Parameter"})
_ASKS = {
    Aspect.RANK: Asks.RANK,
    Aspect.SHAPE: Asks.SIZE,
    Aspect.STRIDE: Asks.STRIDE,
    Aspect.SUBCLASS: Asks.CLASS,
    Aspect.DTYPE: Asks.DTYPE,
    Aspect.DEVICE: Asks.DEVICE,
    Aspect.REQUIRES_GRAD: Asks.REQUIRES_GRAD,
    Aspect.AMBIENT: Asks.STATE,
}


@dataclass(frozen=True, slots=True)
class Mismatch:
    aspect: Aspect
    expected: str
    actual: str
    dim: int | None = None
    #: What to append to the path of the tensor.
    suffix: str = ""

    @property
    def asks(self) -> Asks:
        return _ASKS[self.aspect]


def mismatches(expected: ExpectedTensor, actual: torch.Tensor) -> list[Mismatch]:
    """Everything about ``actual`` that the guard does not accept, most telling first."""
    found = list(_metadata(expected, actual))
    if actual.layout is not torch.strided or (not expected.size and actual.dim() == 0):
        return found
    if len(expected.size) != actual.dim():
        return [*found, Mismatch(Aspect.RANK, str(len(expected.size)), str(actual.dim()), suffix=".ndim")]
    text = Numbering().text
    for dim, (want, have) in enumerate(zip(expected.size, actual.shape, strict=True)):
        if want is not None and want != have:
            found.append(Mismatch(Aspect.SHAPE, str(want), text(have), dim, f".shape[{dim}]"))
    for dim, (want, have) in enumerate(zip(expected.stride, actual.stride(), strict=True)):
        if want is not None and want != have:
            found.append(Mismatch(Aspect.STRIDE, str(want), text(have), dim, f".stride[{dim}]"))
    return found


def _metadata(expected: ExpectedTensor, actual: torch.Tensor) -> list[Mismatch]:
    found = []
    types = {type(actual).__name__, expected.type.rpartition(".")[2]}
    # A fake tensor stands for a plain one, or for a parameter.
    if len(types) > 1 and not ("FakeTensor" in types and types <= _PLAIN):
        found.append(Mismatch(Aspect.SUBCLASS, expected.type, type(actual).__name__))
    if str(actual.dtype) != expected.dtype:
        found.append(Mismatch(Aspect.DTYPE, expected.dtype, str(actual.dtype), suffix=".dtype"))
    if actual.device.type != expected.device.partition(":")[0]:
        found.append(Mismatch(Aspect.DEVICE, expected.device, str(actual.device), suffix=".device"))
    if actual.is_inference() == ("ADInplaceOrView" in expected.keys):
        # A tensor that was made under inference mode lacks this key; the cause is the mode, not the argument.
        made = str(not actual.is_inference()), str(actual.is_inference())
        found.append(Mismatch(Aspect.AMBIENT, *made, suffix=".is_inference()"))
    elif actual.requires_grad != expected.requires_grad:
        found.append(
            Mismatch(
                Aspect.REQUIRES_GRAD, str(expected.requires_grad), str(actual.requires_grad), suffix=".requires_grad"
            )
        )
    return found
