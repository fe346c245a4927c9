"""Which arguments a model takes: found by calling it, in eager mode, without gradients."""

from __future__ import annotations

import inspect
import itertools
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygraph.case.user_code import guarded
from steadygraph.engine.starter import arguments
from steadygraph.errors import TargetError

#: So many calls are tried for one model.
_MOST_TRIALS = 60
_MOST_SCENARIOS = 4


@dataclass(frozen=True, slots=True)
class Written:
    """A call, as Python text by parameter."""

    arguments: Mapping[str, str]

    def __str__(self) -> str:
        return f"(), {self.named}"

    @property
    def named(self) -> str:
        """The arguments alone, as a dict."""
        return "{" + ", ".join(f'"{name}": {text}' for name, text in self.arguments.items()) + "}"


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found out about a class.

    Args:
        built: The expression that makes the model.
        profile: A call that it takes, or a guess.
        serving: Further ones by name.
        problem: Why it is a guess; empty: the calls were made.
    """

    built: str
    profile: Written
    serving: Mapping[str, Written]
    problem: str = ""


def tried(cls: Any, name: str) -> Tried:
    """Make a model of the class and find calls that it takes.

    Args:
        cls: The class.
        name: How the case calls it.
    """
    hints = _hints(cls.__init__)
    given = {
        one.name: arguments.constructor_argument(one, hints) for one in _required(cls.__init__) if one.name != "self"
    }
    unknown = [parameter for parameter, text in given.items() if text is None]
    written = ", ".join(f"{key}={text or '...'}" for key, text in given.items())
    built = f"{name}({written})"
    none = Written({one.name: "..." for one in _required(cls.forward) if one.name != "self"})
    if unknown:
        return Tried(built, none, {}, f"what {', '.join(unknown)} should be is not known")
    try:
        with guarded(built):
            model = eval(built, {name: cls}).eval()
    except TargetError as error:
        return Tried(built, none, {}, error.problem)
    profile = _found(model, [one for one in _parameters(model) if one.default is one.empty], {}, arguments.SIZES)
    if profile is None:
        return Tried(built, none, {}, f"no arguments were found that {name}.forward takes")
    return Tried(built, profile, _serving(model, profile))


def _serving(model: nn.Module, profile: Written) -> dict[str, Written]:
    """The same call again, one of another size, and one with each argument that may be left out."""
    found = {"again": profile}
    required = [one for one in _parameters(model) if one.default is one.empty]
    longer = _found(model, required, {}, arguments.OTHER_SIZES)
    if longer is not None and longer != profile:
        found["another size"] = longer
    for one in _parameters(model):
        if one.default is None and len(found) < _MOST_SCENARIOS:
            call = _found(model, [one], profile.arguments, arguments.SIZES)
            if call is not None:
                found[f"with {one.name}"] = call
    return found


def _found(
    model: nn.Module, wanted: Iterable[inspect.Parameter], given: Mapping[str, str], sizes: tuple[int, int]
) -> Written | None:
    """The first call that the model takes."""
    hints = _hints(model.forward)
    choices = [
        [(one.name, text) for text in arguments.candidates(one.name, hints.get(one.name), model, sizes)]
        for one in wanted
    ]
    for combined in itertools.islice(itertools.product(*choices), _MOST_TRIALS):
        call = Written({**given, **dict(combined)})
        if _takes(model, call):
            return call
    return None


def _takes(model: nn.Module, call: Written) -> bool:
    torch.manual_seed(0)
    _, kwargs = eval(str(call), {"torch": torch})
    try:
        with torch.no_grad(), guarded("forward"):
            model(**kwargs)
    except TargetError:
        return False
    return True


def _parameters(model: nn.Module) -> list[inspect.Parameter]:
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [one for one in _signature(model.forward) if one.kind in named]


def _required(function: Callable[..., Any]) -> list[inspect.Parameter]:
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [one for one in _signature(function) if one.default is one.empty and one.kind not in variadic]


def _signature(function: Callable[..., Any]) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return []


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except Exception:  # names that only type checkers know
        return {}
