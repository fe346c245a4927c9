"""A case whose serving calls are its profile call with something changed."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import nn

from steadygraph.case.case import Call, Case, profile_call
from steadygraph.engine.probing import edits
from steadygraph.engine.probing.places import Derived, Step
from steadygraph.model import PROFILE

#: Settings that are modes of the model; all others are of the process.
_OF_MODEL = ("training", "parameters_grad")


def changed_case(case: Case, probes: Mapping[str, Derived], model: nn.Module) -> Case:
    """The same case, with a serving call for each probe, by its name.

    What the case sets up for a call by its name, it sets up for these as it does for the profile call.  What a probe
    changes outside of the arguments is as before when the call has ended.
    """

    def serving() -> dict[str, tuple[Any, ...]]:
        calls = {name: edited(profile_call(case), one) for name, one in probes.items()}
        return {name: (call.args, call.kwargs) for name, call in calls.items()}

    def before(model: nn.Module, name: str) -> None:
        assert case.before is not None, "it is None otherwise"
        case.before(model, PROFILE if name in probes else name)

    @contextlib.contextmanager
    def context(name: str) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            if case.context is not None:
                stack.enter_context(case.context(PROFILE if name in probes else name))
            if name in probes:
                stack.enter_context(around(model, probes[name]))
            yield

    surrounds = any(step.root != "call" for one in probes.values() for step in one.steps)
    return dataclasses.replace(
        case,
        serving=serving,
        before=None if case.before is None else before,
        context=context if surrounds or case.context is not None else None,
        allow={},
    )


def edited(call: Call, one: Derived) -> Call:
    """The call with its arguments changed."""
    root: Any = {"args": call.args, "kwargs": call.kwargs}
    before = root
    for step in one.steps:
        if step.root == "call":
            root = edits.changed(root, step.path, _change(step, before))
    return Call(root["args"], root["kwargs"])


@contextlib.contextmanager
def around(model: nn.Module, one: Derived) -> Iterator[None]:
    """A block in which the model, module-level variables and the process are as the probe has them."""
    with contextlib.ExitStack() as stack:
        for step in one.steps:
            if step.root == "setting":
                function = getattr(edits, step.edit)
                stack.enter_context(function(*((model,) if step.edit in _OF_MODEL else ()), *step.values))
            elif step.root != "call":
                owner = model.get_submodule(step.owner) if step.root == "model" else sys.modules[step.owner]
                stack.enter_context(edits.written(owner, step.path, _change(step, owner)))
        yield


def _change(step: Step, root: Any) -> Callable[[Any], Any]:
    if step.edit == "as_at":
        (path,) = step.values
        return lambda _value: edits.at(root, path)
    function: Callable[..., Any] = getattr(edits, step.edit)
    return functools.partial(_called, function, step.values)


def _called(function: Callable[..., Any], values: tuple[Any, ...], value: Any) -> Any:
    return function(value, *values)
