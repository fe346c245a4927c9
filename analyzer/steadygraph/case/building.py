"""What a case does for the class that the target names: ``build(cls)``, ``profile(cls)``, ``serving(cls)``."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from steadygraph.case.checks import signature_of
from steadygraph.errors import CaseError


def builder(build: Any, cls: type | None, target: str, source: str) -> Callable[[], Any]:
    """A function without parameters that makes the model.

    Args:
        build: What the case file defines, None if nothing.
        cls: The class that the target names, if it names one.
        target: The target, as it was written.
        source: The case file, as it was written.

    Raises:
        CaseError: It cannot be called as it is.
    """
    if build is None and cls is not None:
        return _constructor(cls, source)
    function: Callable[..., Any] = build
    if not callable(build) or isinstance(build, type):
        return function  # Case judges it
    parameters = [p for p in _parameters(build) if p.kind is not p.KEYWORD_ONLY]
    required = [p for p in parameters if p.default is p.empty]
    if len(required) > 1:
        names = ", ".join(p.name for p in parameters)
        raise CaseError(f"build({names}) of {source} takes too much", hint="define it as def build() or def build(cls)")
    if cls is None and required:
        problem = f"build({required[0].name}) of {source} takes a class, and the target names none"
        raise CaseError(problem, hint=f"write {target}:Class")
    if cls is None:
        return function
    return functools.partial(build, cls) if parameters else functools.partial(_built_with, build, cls, source)


def told(function: Any, cls: type | None) -> Any:
    """``profile`` or ``serving`` of a case file, told the class where it takes one; ``Case`` judges all else."""
    if cls is None or not callable(function):
        return function
    required = [p for p in _parameters(function) if p.default is p.empty and p.kind is not p.KEYWORD_ONLY]
    return functools.partial(function, cls) if len(required) == 1 else function


def _constructor(cls: type, source: str) -> type:
    required = [p.name for p in _parameters(cls) if p.default is p.empty]
    if required:
        problem = f"{cls.__name__} needs constructor arguments: {', '.join(required)}"
        raise CaseError(problem, hint=f"add a function build(cls) to {source} that returns cls(...)")
    return cls


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """The named ones."""
    signature = signature_of(function)
    parameters = [] if signature is None else list(signature.parameters.values())
    return [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def _built_with(build: Callable[[], Any], cls: type, source: str) -> Any:
    """A ``build()`` that is not told the class: what it makes must have one of that class in it."""
    model = build()
    modules = getattr(model, "modules", None)
    if callable(modules) and not any(isinstance(module, cls) for module in modules()):
        problem = f"build() of {source} returned a {type(model).__name__} without any {cls.__name__} in it"
        raise CaseError(problem, hint="let it take the class that the target names: def build(cls)")
    return model
