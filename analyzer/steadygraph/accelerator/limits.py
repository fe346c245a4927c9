"""What a simulated device cannot do, as errors that say what to do instead."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, cast

from steadygraph import torch_private
from steadygraph.errors import raised
from steadygraph.observe.syncs.blocking import blocking_operation
from steadygraph.torch_private.device.symbols import undecided_error

_VALUE_HINT = "keep what decides on the CPU, or use a machine with the device"
_BACKWARD_HINT = "leave backward() out of the calls, or use a machine with the device"


class SimulationError(RuntimeError):
    """A simulated device cannot do this; it says nothing about the analysed code.

    Args:
        problem: What was asked for.
        hint: What the user can do.
    """

    #: ``library::name`` of the one that is to blame, if that is what it is about.
    operator: str | None = None

    def __init__(self, problem: str, hint: str) -> None:
        RuntimeError.__init__(self, problem)
        self.hint = hint


class ValueNeededError(SimulationError):
    """The analysed code asks for a value that a tensor on a simulated device does not have."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: the values of a tensor on a simulated device are not known", _VALUE_HINT)


class FakeImplementationError(SimulationError):
    """An operator of the user's works with real tensors only.

    Args:
        operator: ``library::name``.
    """

    def __init__(self, operator: str) -> None:
        problem = f"the operator {operator} has no fake implementation, which tells what its result looks like"
        super().__init__(problem, f'add one: @torch.library.register_fake("{operator}")')
        self.operator = operator


def limit_of(error: BaseException | None) -> SimulationError | None:
    """What a simulated device could not do, if that is what an exception comes from."""
    for cause in raised.chain(error):
        if issubclass(type(cause), SimulationError):
            return cast(SimulationError, cause)
        if torch_private.is_value_missing(cause):
            return ValueNeededError(raised.text(cause).split("\n")[0].removesuffix("."))
    return None


def not_traceable(error: BaseException) -> SimulationError | None:
    """The operator without a fake implementation that Dynamo met, if that is what an exception comes from."""
    names = (torch_private.lacking_operator(cause) for cause in raised.chain(error))
    name = next(filter(None, names), None)
    return None if name is None else FakeImplementationError(name)


def value_needed(op: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> SimulationError:
    return ValueNeededError(
        blocking_operation(torch_private.bare_name(op), args, kwargs) or torch_private.dotted_name(op)
    )


def undecided(what: str) -> RuntimeError:
    """A condition on symbols that nobody can decide; torch, which tries other ways, sees its own exception."""
    error: RuntimeError = _undecided_error()(what)
    return error


@functools.cache
def _undecided_error() -> type[RuntimeError]:
    return type(ValueNeededError.__name__, (ValueNeededError, undecided_error()), {"cond": None})


def no_gradients() -> SimulationError:
    return SimulationError("backward() cannot run on a simulated device, which computes no gradients", _BACKWARD_HINT)
