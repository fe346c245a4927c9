"""The shortest way: a model and its calls, as they stand in a test, a notebook or a REPL."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import nn

from steadygraph.case import checks
from steadygraph.case.case import Call, Case
from steadygraph.engine.api import analyze
from steadygraph.errors import UsageError, raised
from steadygraph.model import PROFILE, Policy
from steadygraph.observe.inputs import structure
from steadygraph.report.shown import Report

#: What a call may be given as.
_FORMS = "(x, y), {'x': x}, steadygraph.Call((x,), {'y': y}), or a function that returns one of them"


def check(
    model: nn.Module | Callable[..., Any],
    *,
    profile: object,
    policies: Iterable[Policy | str] | None = None,
    backends: Iterable[str] = ("eager",),
    compile: Mapping[str, Any] | None = None,
    **serving: object,
) -> Report:
    """Compare the warm-up call of a model with serving calls, in this process: ``check(m, profile=(x,), long=(y,))``.

    A call is a tuple of arguments, a dict of named ones, a :class:`steadygraph.Call`, or a function that returns one of
    these.  Arguments are copied for each pass; they and the model are afterwards what they were.

    Args:
        model: A module, or a function.
        profile: The warm-up call.
        policies: Deployments to judge; default: ``recompile`` and ``drop``.
        backends: How the policies are proved: ``eager``, ``aot_eager``, ``inductor``.
        compile: Further keywords of ``torch.compile``.
        serving: The serving calls by name, in their order.

    Returns:
        A report: ``print`` shows it, and a notebook by itself.

    Raises:
        UsageError: A call is given in no such form; as CaseError: the model is none, or is compiled already.
        TargetError: The warm-up call raised.
        TorchSupportError: The installed torch lacks what is needed.
    """
    return analyze(case_of(model, profile, serving, compile=compile), policies=policies, backends=backends)


def case_of(
    model: nn.Module | Callable[..., Any],
    profile: object,
    serving: Mapping[str, object],
    *,
    compile: Mapping[str, Any] | None = None,
) -> Case:
    """The case of a model and its calls, as :func:`check` takes them.

    Raises:
        UsageError: A call is given in another form, or there is none beside the profile call.
    """
    if not serving:
        raise UsageError("there is no serving call", hint="add one under a name of its own: image=(x, mask)")
    for name, value in {PROFILE: profile, **serving}.items():
        _require_form(name, value)
    module = model if isinstance(model, nn.Module) or not callable(model) or isinstance(model, type) else _Plain(model)

    def warm_up() -> tuple[Any, ...]:
        return _made(PROFILE, profile, module)

    def calls() -> dict[str, tuple[Any, ...]]:
        return {name: _made(name, value, module) for name, value in serving.items()}

    return Case(
        build=lambda: module,
        profile=warm_up,
        serving=calls,
        compile={} if compile is None else compile,
        target=getattr(model, "__qualname__", type(model).__qualname__),
    )


class _Plain(nn.Module):
    """A function in the place of a module's forward."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.forward = function


def _require_form(name: str, value: object) -> None:
    if not isinstance(value, tuple | dict | Call) and (isinstance(value, nn.Module) or not callable(value)):
        raise UsageError(f"the call {name!r} is {checks.described(value)}", hint=f"write {_FORMS}")


def _made(name: str, value: Any, model: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """New arguments; what belongs to the model stays what it is."""
    if callable(value):
        value = value()
        _require_form(name, value)
        call = _call(value)
        return call.args, call.kwargs
    call = _call(value)
    memo: dict[int, Any] = {}
    if isinstance(model, nn.Module):
        memo |= {id(one): one for one in (*model.modules(), *model.parameters(), *model.buffers())}
    try:
        for _, leaf in structure.leaves((call.args, call.kwargs)):
            if isinstance(leaf, torch.Tensor) and not leaf.is_leaf:  # torch copies no others
                memo[id(leaf)] = copy.deepcopy(leaf.detach(), memo).requires_grad_()
        return copy.deepcopy((call.args, call.kwargs), memo)
    except Exception as error:
        problem = f"the arguments of {name!r} cannot be copied: {raised.name(error)}: {raised.text(error)}"
        raise UsageError(problem, hint=f"give a function that makes them: {name}=lambda: (...)") from error


def _call(value: Any) -> Call:
    if isinstance(value, Call):
        return value
    return Call((), dict(value)) if isinstance(value, dict) else Call(value, {})
