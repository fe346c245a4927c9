"""A call recorded operator by operator, and replayed on the same memory: what a CUDA graph does, on any device.

A captured CUDA graph is a list of kernels with the addresses and the numbers that they had.  So is a tape here:
every ATen operator with the very tensors and Python values of the recorded call.  A replay copies new inputs into the
memory of the recorded ones, runs the operators again, and puts each result where it was: nothing is allocated, no
Python of the model runs, no branch is taken anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from steadygraph.observe.inputs.storage import address, tensor_arguments
from steadygraph.observe.inputs.symbols import same_shape
from steadygraph.torch_private import watching_ops


class NotReplayableError(RuntimeError):
    """The inputs do not fit into the memory that was recorded."""


@dataclass(frozen=True, slots=True)
class _Operator:
    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    results: tuple[torch.Tensor, ...]


@dataclass
class Tape:
    """One recorded call: its operators, to be run again."""

    inputs: dict[str, torch.Tensor]
    operators: list[_Operator] = field(default_factory=list)
    output: Any = None

    @classmethod
    def of(cls, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Tape:
        """Call ``function`` and record what it does."""
        tape = cls(tensor_arguments(args, kwargs))
        with watching_ops(tape._record):
            tape.output = function(*args, **kwargs)
        return tape

    def _record(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        result = op(*args, **kwargs)
        self.operators.append(_Operator(op, args, kwargs, tuple(_flat(result))))
        return result

    def replay(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the recorded operators on new inputs of the same shapes.

        Inputs that were no tensors, and tensors that the recorded call did not have, are not looked at.

        Raises:
            NotReplayableError: A recorded input is absent, or has another shape, dtype or device.
        """
        fresh = tensor_arguments(args, kwargs)
        for path, static in self.inputs.items():
            require_fit(path, static, fresh.get(path))
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            for path, static in self.inputs.items():
                if address(static) != address(fresh[path]):
                    static.copy_(fresh[path])
            for operator in self.operators:
                _run_again(operator)
        return self.output


def _run_again(operator: _Operator) -> None:
    results = _flat(operator.function(*operator.args, **operator.kwargs))
    for recorded, new in zip(operator.results, results, strict=True):
        # Views and in-place operators give the recorded memory itself.
        if address(recorded) != address(new) or not same_shape(recorded, new):
            if not same_shape(recorded, new):
                raise NotReplayableError(
                    f"{operator.function} gives {tuple(new.shape)}, and {tuple(recorded.shape)} was recorded"
                )
            recorded.copy_(new)


def require_fit(path: str, static: torch.Tensor, fresh: torch.Tensor | None) -> None:
    """Raise NotReplayableError unless ``fresh`` can be copied into the memory of ``static``."""
    if fresh is None:
        raise NotReplayableError(f"{path} was a tensor when the graph was captured, and is none now")
    for what in ("shape", "dtype", "device"):
        was, now = getattr(static, what), getattr(fresh, what)
        if was != now and not (what == "shape" and same_shape(static, fresh)):
            readable = (tuple(was), tuple(now)) if what == "shape" else (was, now)
            raise NotReplayableError(f"{path} has {what} {readable[1]}, and {readable[0]} was captured")


def copies(static: Mapping[str, torch.Tensor], args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    """How many of the recorded inputs a replay would have to copy from elsewhere."""
    fresh = tensor_arguments(args, kwargs)
    return sum(path not in fresh or address(one) != address(fresh[path]) for path, one in static.items())


def _flat(result: Any) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, (list, tuple)):
        return [tensor for item in result for tensor in _flat(item)]
    return []
