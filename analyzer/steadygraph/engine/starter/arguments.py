"""What a parameter may want, by its name, its annotation and the layers of the model, as Python text."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Iterator
from typing import Any

from torch import nn

#: Batch and length of the warm-up call, and of a call of another size.
SIZES, OTHER_SIZES = (2, 6), (3, 9)
_IDS = re.compile(r"ids?$|tokens?$|index|indices|labels?$|positions?$")
_MASK = re.compile(r"mask")
_NUMBERS = {int: "1", float: "0.5", bool: "True", str: "'text'"}
_WIDTH = "16"
_SMALL = (
    (re.compile(r"head"), "2"),
    (re.compile(r"layer|depth|block|step"), "2"),
    (re.compile(r"vocab|num_embed|classes"), "100"),
    (re.compile(r"channel"), "3"),
    (re.compile(r"kernel"), "3"),
)


def constructor_argument(parameter: inspect.Parameter, hints: dict[str, Any]) -> str | None:
    """A small value for a parameter without default; None: nobody knows."""
    kind = hints.get(parameter.name, parameter.annotation)
    if kind is inspect.Parameter.empty or int in (kind, *typing.get_args(kind)):
        return next((value for pattern, value in _SMALL if pattern.search(parameter.name)), _WIDTH)
    return {float: "0.1", bool: "False", str: "''"}.get(kind)


def candidates(name: str, kind: Any, model: nn.Module, sizes: tuple[int, int]) -> Iterator[str]:
    """Expressions for an argument of ``forward``, the likeliest first.

    Args:
        name: Of the parameter.
        kind: Its annotation.
        model: Whose layers say which sizes they take.
        sizes: Batch and length.
    """
    if kind in _NUMBERS:
        yield _NUMBERS[kind]
        return
    batch, length = sizes
    if _IDS.search(name):
        yield f"torch.randint(0, 8, ({batch}, {length}))"
        yield f"torch.arange({length})"
    if _MASK.search(name):
        yield f"torch.ones({batch}, {length}, dtype=torch.bool)"
        yield f"torch.ones({length}, {length}, dtype=torch.bool).tril()"
        yield f"torch.zeros({length}, {length})"
    yield from (f"torch.randn({', '.join(map(str, shape))})" for shape in dict.fromkeys(_shapes(model, batch, length)))
    yield f"torch.randint(0, 8, ({batch}, {length}))"


def _shapes(model: nn.Module, batch: int, length: int) -> Iterator[tuple[int, ...]]:
    """Of floats: what the first layer that says so takes, then what models often take."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d):
            yield batch, layer.in_channels, 32, 32
        elif isinstance(layer, nn.Conv1d):
            yield batch, layer.in_channels, 32
        elif isinstance(layer, nn.Conv3d):
            yield batch, layer.in_channels, 8, 16, 16
        elif isinstance(layer, nn.Linear):
            yield batch, length, layer.in_features
            yield batch, layer.in_features
        elif isinstance(layer, nn.LayerNorm):
            yield (batch, length, *layer.normalized_shape)
        elif isinstance(layer, nn.RNNBase):
            yield batch, length, layer.input_size
    width = int(_WIDTH)  # where the model was made with it
    yield from ((batch, length, width), (batch, width), (batch, length, 8), (batch, 8), (batch, 3, 32, 32), (batch,))
