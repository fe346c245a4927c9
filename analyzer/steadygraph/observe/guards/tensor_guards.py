"""Dynamo's tensor guards: parsed from their text, held against a tensor, aspect by aspect.

The guard itself stops at the first thing that is off.  Its text has everything::

    check_tensor(L['x'], Tensor, DispatchKeySet(CPU, ...), torch.float32, device=None, requires_grad=False,
                 size=[None, 8], stride=[8, 1])

``None`` among the sizes is a dynamic dimension.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

import torch

from steadygraph.model import Aspect
from steadygraph.observe.inputs.symbols import Numbering

_CHECK = re.compile(
    r"check_tensor\(.*?, (?P<type>[\w.]+), DispatchKeySet\((?P<keys>[^)]*)\), (?P<dtype>torch\.\w+), "
    r"device=(?P<index>\w+), requires_grad=(?P<grad>\w+), size=(?P<size>\[.*?\]), stride=(?P<stride>\[.*?\])\)"
)


_PLAIN = frozenset({"FakeTensor", "Tensor", "Parameter"})


@dataclass(frozen=True, slots=True)
class Mismatch:
    aspect: Aspect
    expected: str
    actual: str
    dim: int | None = None
    #: What to append to the path of the tensor.
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class ExpectedTensor:
    """What a tensor guard wants to see; ``None`` sizes and strides are free."""

    type: str
    keys: tuple[str, ...]
    dtype: str
    device_index: str
    requires_grad: bool
    size: tuple[int | None, ...]
    stride: tuple[int | None, ...]

    @property
    def device(self) -> str:
        backend = self.keys[0].lower() if self.keys else "cpu"
        return backend if self.device_index == "None" else f"{backend}:{self.device_index}"

    def __str__(self) -> str:
        sizes = ", ".join("*" if s is None else str(s) for s in self.size)
        return f"{self.dtype}[{sizes}] on {self.device}"


def parse(text: str) -> ExpectedTensor | None:
    """The expectation in a guard's text; None if this release words it otherwise."""
    found = _CHECK.search(text)
    if found is None:
        return None
    try:
        size, stride = ast.literal_eval(found["size"]), ast.literal_eval(found["stride"])
    except (ValueError, SyntaxError):  # symbolic sizes are written as expressions
        size, stride = (), ()
    return ExpectedTensor(
        type=found["type"],
        keys=tuple(key.strip() for key in found["keys"].split(",")),
        dtype=found["dtype"],
        device_index=found["index"],
        requires_grad=found["grad"] == "True",
        size=tuple(size),
        stride=tuple(stride),
    )


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
