"""A call recorded operator by operator, and replayed on the same memory: what a CUDA graph does, on any device.

A captured CUDA graph is a list of kernels with the addresses and the numbers that they had.  So is a tape here:
every ATen operator that runs a kernel, with the Python values of the recorded call and with tensors of its own, which
lie in the memory of the recorded ones.  Whoever gives a parameter other memory afterwards (``weight.data = new``) moves
the parameter, and not them.  A replay copies new inputs into the memory of the recorded ones, runs the operators again,
and puts each result where it was: nothing is allocated, no Python of the model runs, no branch is taken anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.observe.inputs.memory import address, memory
from steadygraph.observe.inputs.storage import tensor_arguments
from steadygraph.observe.inputs.symbols import same_shape
from steadygraph.torch_private import has_no_kernel, watching_ops, without_torch_function, written


class NotReplayableError(RuntimeError):
    """The inputs do not fit into the memory that was recorded."""


class FreedMemoryError(RuntimeError):
    """Memory that was recorded has been given back: what a replay would read there is anybody's."""


@dataclass(frozen=True, slots=True)
class _Operator:
    function: Any
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    results: tuple[torch.Tensor, ...]
    #: The recorded tensors themselves that it writes to.
    writes: tuple[torch.Tensor, ...] = ()


@dataclass
class Tape:
    """One recorded call: its operators, to be run again.

    ``device`` is the type of the one whose operators are recorded; what runs on the host is not part of a CUDA graph.
    Empty: all operators are.
    """

    inputs: dict[str, torch.Tensor]
    device: str = ""
    operators: list[_Operator] = field(default_factory=list)
    output: Any = None
    #: A tensor in each piece of memory that the operators use, and where it lay.
    _places: dict[int, tuple[torch.Tensor, int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any], *, device: str = ""
    ) -> Tape:
        """Call ``function`` and record what it does."""
        tape = cls(static_inputs(args, kwargs), device)
        with watching_ops(tape._record):
            tape.output = function(*args, **kwargs)
        # What the call itself resized lies where it left it.
        tape._places = {key: pair for key, pair in tape._places.items() if address(pair[0]) == pair[1]}
        return tape

    def _record(self, op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        static_args, static_kwargs = _static(args), _static(kwargs)
        given = _flat((*args, *kwargs.values()))
        known = {memory(tensor) for tensor in given} if has_no_kernel(op) else set()
        result = op(*args, **kwargs)
        results = _flat(result)
        if (known and all(memory(tensor) in known for tensor in results)) or not self._is_on_device(given, results):
            return result
        writes = tuple(_flat(written(op, args, kwargs)))
        operator = _Operator(op, static_args, static_kwargs, tuple(map(_alias, results)), writes)
        for tensor in (*_flat((*static_args, *static_kwargs.values())), *operator.results):
            self._places.setdefault(memory(tensor), (tensor, address(tensor)))
        self.operators.append(operator)
        return result

    def _is_on_device(self, *tensors: Iterable[torch.Tensor]) -> bool:
        return not self.device or any(tensor.device.type == self.device for each in tensors for tensor in each)

    def uses(self, place: int) -> bool:
        """Does an operator read or write the memory that begins there?"""
        return place in self._places

    def replay(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Run the recorded operators on new inputs of the same shapes.

        Inputs that were no tensors, and tensors that the recorded call did not have, are not looked at.

        Raises:
            NotReplayableError: A recorded input is absent, or has another shape, dtype or device.
            FreedMemoryError: Recorded memory is no longer there.
        """
        fresh = tensor_arguments(args, kwargs)
        for path, static in self.inputs.items():
            require_fit(path, static, fresh.get(path))
        if any(address(tensor) != place for tensor, place in self._places.values()):
            raise FreedMemoryError("the captured graph uses memory that was given back when a tensor was resized")
        with torch.no_grad(), torch.autocast("cpu", enabled=False):
            for path, static in self.inputs.items():
                if address(static) != address(fresh[path]):
                    _copy(static, fresh[path])
            for operator in self.operators:
                _run_again(operator)
        return self.output


def _run_again(operator: _Operator) -> None:
    results = _flat(operator.function(*operator.args, **operator.kwargs))
    for recorded, new in zip(operator.results, results, strict=True):
        # In-place operators give the recorded memory itself.
        if address(recorded) != address(new) or not same_shape(recorded, new):
            if not same_shape(recorded, new):
                raise NotReplayableError(
                    f"{operator.function} gives {tuple(new.shape)}, and {tuple(recorded.shape)} was recorded"
                )
            _copy(recorded, new)
    # Whoever looks for writes asks the tensors of the model, which do not know of those through another one.
    torch.autograd.graph.increment_version([tensor for tensor in operator.writes if not tensor.is_inference()])


def _copy(memory_of: torch.Tensor, values: torch.Tensor) -> None:
    # A tensor that inference mode made may be written to in that mode only; a model may have entered it by itself.
    with torch.inference_mode(memory_of.is_inference()):
        memory_of.copy_(values)


def static_inputs(args: Sequence[Any], kwargs: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The memory of the tensors among the arguments, by path: what becomes of those tensors changes nothing here."""
    return {path: _alias(tensor) for path, tensor in tensor_arguments(args, kwargs).items()}


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


def _alias(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor of its own in the same memory."""
    try:
        with without_torch_function():
            return tensor.detach()
    except (NotImplementedError, RuntimeError, TypeError):  # layouts that torch cannot look at twice
        return tensor


def _static(value: Any) -> Any:
    """Arguments of an operator, with aliases of their tensors."""
    if torch_private.is_tensor(value):
        return _alias(value)
    if isinstance(value, dict):
        return {name: _static(item) for name, item in value.items()}
    return type(value)(map(_static, value)) if type(value) in (list, tuple) else value


def _flat(result: Any) -> list[torch.Tensor]:
    if torch_private.is_tensor(result):
        return [result]
    if isinstance(result, (list, tuple)):
        return [tensor for item in result for tensor in _flat(item)]
    return []
