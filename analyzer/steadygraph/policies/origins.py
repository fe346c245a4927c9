"""Where a value that is no number comes from: every operator of one call is asked what it takes and what it gives."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.model import Location
from steadygraph.observe.inputs.memory import memory
from steadygraph.observe.inputs.storage import leaves, tensor_arguments
from steadygraph.observe.places import locations
from steadygraph.policies import proof
from steadygraph.policies.effects import Effects
from steadygraph.policies.proof import FrozenOutput
from steadygraph.torch_private import bare_name

NAN, INF = "nan", "inf"
#: Operators that do not read what they write to: it may be memory that nobody has filled yet.
_OVERWRITING = frozenset({"copy_", "fill_", "zero_"})


def count(kind: str, value: object) -> int:
    """How many elements of a tensor, or of a Python number, are of a kind; 0 for what has no values."""
    if isinstance(value, float):
        return int(math.isnan(value) if kind == NAN else math.isinf(value))
    plain = proof.plain(value) if torch_private.is_tensor(value) and _is_real(value) else None
    if plain is None or bool(torch.isfinite(plain).all()):
        return 0
    return int((torch.isnan(plain) if kind == NAN else torch.isinf(plain)).sum())


def _is_real(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


@dataclass(frozen=True, slots=True)
class Origin:
    """What made a value, or handed it in.

    ``spelled``: the operator was told to write it, as in ``masked_fill(mask, -inf)``.
    """

    operator: str = ""
    location: Location | None = None
    source: str = ""
    spelled: bool = False


class Origins:
    """Follows one kind of value through the operators of a call, by the memory that holds it.

    A memory that is used again holds what was written last, so nothing need be kept alive.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._of_memory: dict[int, Origin] = {}
        #: That of the first operator that made one.
        self.first: Origin | None = None

    def start(self, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], *, prepared: bool) -> None:
        """The call begins: what holds such values already is a source."""
        self._of_memory.clear()
        held = ((f"self.{name}", leaf) for name, leaf in leaves(model) if torch_private.is_tensor(leaf))
        for name, tensor in (*held, *tensor_arguments(args, kwargs).items()):
            if self._holds(tensor):
                self._of_memory[memory(tensor)] = Origin(source=name)

    def end(self, name: str, output: FrozenOutput | None) -> Effects:
        """It has ended; what it left behind is somebody else's business."""
        return Effects()

    def of(self, value: object) -> Origin:
        """That of a value which the call has returned; where its memory tells nothing, the first that was made."""
        known = self._of_memory.get(memory(value)) if torch_private.is_tensor(value) else None
        return known or self.first or Origin()

    def run(self, op: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run an operator, and note where such values in its results come from."""
        taken = list(_parts((args[1:] if bare_name(op) in _OVERWRITING else args, kwargs)))
        origin = next((self._taken(part, op) for part in taken if self._holds(part)), None)
        clean = [part for part in taken if torch_private.is_tensor(part) and not self._holds(part)]
        result = op(*args, **kwargs)
        for tensor in (*_parts(result), *clean):
            if torch_private.is_tensor(tensor) and self._holds(tensor):
                origin = origin or self._made(op)
                self._of_memory[memory(tensor)] = origin
        return result

    def _taken(self, part: object, op: Any) -> Origin:
        if torch_private.is_tensor(part):
            return self._of_memory.get(memory(part), Origin())
        return Origin(bare_name(op), locations.running(), spelled=True)

    def _made(self, op: Any) -> Origin:
        made = Origin(bare_name(op), locations.running())
        self.first = self.first or made
        return made

    def _holds(self, value: object) -> bool:
        return count(self._kind, value) > 0


def _parts(value: object) -> Iterator[object]:
    """The tensors and numbers among the arguments, or the results, of an operator."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, list | tuple):
        for part in value:
            yield from _parts(part)
    else:
        yield value
