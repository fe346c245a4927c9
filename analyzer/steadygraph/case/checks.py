"""Is a definition of a case what it should be?  Every answer is a sentence with the value in it, and a hint."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steadygraph.errors import CaseError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model import PROFILE, Change, gpus

if TYPE_CHECKING:
    from torch import nn

#: Further keywords of torch.compile that make sense here; the back end is an option of the analysis.
COMPILE_KEYWORDS = ("dynamic", "fullgraph", "isolate_recompiles", "mode", "name", "options", "recompile_limit")
_ALLOW_HINT = 'write {"scenario or *": {"SG204": "why it is accepted"}}'
_PROBES_HINT = 'write {"mask": ["none", "dtype"]}: what may be changed, and how'
_CALL_HINT = "return a tuple of the positional and a dict of the keyword arguments: return (x,), {}"


def described(value: object) -> str:
    """A value by its type, for a sentence: ``None``, ``a Tensor``, ``(Tensor, dict)``."""
    if value is None:
        return "None"
    if isinstance(value, tuple) and len(value) <= 4:
        types = ", ".join("None" if entry is None else type(entry).__name__ for entry in value)
        return f"({types},)" if len(value) == 1 else f"({types})"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def require_function(value: object, name: str, parameters: Sequence[str], where: str) -> None:
    """``value`` can be called with these arguments.

    Args:
        value: What the case gives.
        name: Its name there.
        parameters: Names of the positional arguments.
        where: ``of case.py``, or nothing.
    """
    call = f"{name}({', '.join(parameters)})"
    if not callable(value):
        hint = f"define a function {call}"
        raise CaseError(f"{name}{where} is {described(value)}, not a function", hint=hint)
    signature = signature_of(value)
    if signature is None:
        return
    try:
        signature.bind(*parameters)
    except TypeError as error:
        raise CaseError(
            f"{name}{where} cannot be called as {call}: {error}", hint=f"define it as def {call}"
        ) from error


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """None where Python cannot tell, as for some functions written in C."""
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


def named_by_decorators(function: Callable[..., Any]) -> set[str]:
    """What the decorators of a function may take for themselves: their own parameters, ``kwargs.pop("scale")``."""
    found: set[str] = set()
    while (wrapped := getattr(function, "__wrapped__", None)) is not None:
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None:
            constants = (one if isinstance(one, tuple) else (one,) for one in code.co_consts)
            found.update(code.co_varnames[: code.co_argcount + code.co_kwonlyargcount])
            found.update(one for several in constants for one in several if isinstance(one, str))
        function = wrapped
    return found


def require_compile_keywords(value: object, where: str) -> None:
    if not isinstance(value, Mapping):
        hint = "write a dict of torch.compile keywords, such as {'dynamic': True}"
        raise CaseError(f"COMPILE{where} is {described(value)}, not a dict", hint=hint)
    for key in value:
        if key == "backend":
            hint = "take it out and choose with --backend"
            raise CaseError(f"COMPILE{where} names a backend, which the analysis chooses", hint=hint)
        if key not in COMPILE_KEYWORDS:
            hint = question_or_list(str(key), COMPILE_KEYWORDS, "keywords")
            raise CaseError(f"COMPILE{where} has an unknown keyword {key!r}", hint=hint)


def require_device(value: object, where: str) -> None:
    if value is not None and not gpus.is_device(value):
        raise CaseError(f"DEVICE{where} is {value!r}, not the name of a device", hint=gpus.DEVICE_HINT)


def require_gpu(value: object, where: str) -> None:
    if value is not None and not (isinstance(value, str) and value in gpus.GPUS):
        hint = question_or_list(str(value), gpus.GPUS, "known GPUs")
        raise CaseError(f"GPU{where} is {value!r}, and no GPU of that name can be simulated", hint=hint)


def require_flag(value: object, name: str, where: str) -> None:
    if not isinstance(value, bool):
        raise CaseError(f"{name}{where} is {value!r}, not a bool", hint="write True or False")


def exact(text: str) -> str:
    """The text as a ``str`` and nothing else: a member of an enumeration stays what it is wherever it goes."""
    return str.__str__(text)


def exact_allowances(value: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, str]]:
    """``ALLOW`` as plain texts, where :func:`require_allowances` has nothing against it."""
    return {
        exact(scenario): {exact(rule): exact(reason) for rule, reason in reasons.items()}
        for scenario, reasons in value.items()
    }


def require_allowances(value: object, where: str) -> None:
    """``ALLOW`` has the form ``{scenario: {rule: reason}}``; whether they exist is seen when the case runs."""
    if not isinstance(value, Mapping):
        raise CaseError(f"ALLOW{where} is {described(value)}, not a dict", hint=_ALLOW_HINT)
    for scenario, reasons in value.items():
        if not isinstance(scenario, str):
            raise CaseError(f"ALLOW{where} names a scenario {scenario!r}, which is no text", hint=_ALLOW_HINT)
        if not isinstance(reasons, Mapping):
            raise CaseError(f"ALLOW{where} has {described(reasons)}, not a dict, for {scenario!r}", hint=_ALLOW_HINT)
        for rule, reason in reasons.items():
            if not isinstance(rule, str):
                raise CaseError(f"ALLOW{where} names a rule {rule!r}, which is no text", hint=_ALLOW_HINT)
            if not isinstance(reason, str) or not reason.strip():
                hint = "say in a few words why it is accepted"
                raise CaseError(f"ALLOW{where} gives no reason for {rule!r} in {scenario!r}", hint=hint)


def require_probes(value: object, where: str) -> None:
    """``PROBES`` has the form ``{path: [kinds]}``; whether there is such a path is seen when the case runs."""
    if not isinstance(value, Mapping):
        raise CaseError(f"PROBES{where} is {described(value)}, not a dict", hint=_PROBES_HINT)
    for path, kinds in value.items():
        if not isinstance(path, str):
            raise CaseError(f"PROBES{where} names {path!r}, which is no text", hint=_PROBES_HINT)
        if isinstance(kinds, str) or not isinstance(kinds, Iterable):
            raise CaseError(f"PROBES{where} has {described(kinds)}, not a list, for {path!r}", hint=_PROBES_HINT)
        for kind in kinds:
            if kind not in list(Change):
                hint = question_or_list(str(kind), list(Change), "kinds of change")
                raise CaseError(f"PROBES{where} has an unknown kind {kind!r} for {path!r}", hint=hint)


def require_scenario_name(name: object, label: str) -> None:
    if not isinstance(name, str) or not name.strip():
        raise CaseError(f"{label} names a scenario {name!r}", hint="name scenarios by text, such as 'image'")
    if name == PROFILE:
        hint = "rename it; the warm-up call has this name"
        raise CaseError(f"{label} names a scenario {PROFILE!r}", hint=hint)


def arguments(value: object, returned: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """``value`` as ``(args, kwargs)``; ``returned`` begins the sentence: ``profile() of case.py returned``."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise CaseError(f"{returned} {described(value)}, not (args, kwargs)", hint=_CALL_HINT)
    args, kwargs = value
    if not isinstance(args, tuple | list) or not isinstance(kwargs, dict):
        raise CaseError(f"{returned} {described(value)}, not (args, kwargs)", hint=_CALL_HINT)
    for name in kwargs:
        if not isinstance(name, str):
            raise CaseError(f"{returned} a keyword argument named {name!r}, which is no text", hint=_CALL_HINT)
    return tuple(args), {exact(name): entry for name, entry in kwargs.items()}


def module_list(value: object, label: str) -> list[nn.Module]:
    """What ``regions()`` returned, as a list that is not empty."""
    from torch import nn

    hint = "return a list of modules: return [model.decoder]"
    several = isinstance(value, Iterable) and not isinstance(value, str | dict | nn.ModuleDict)
    if not several or (isinstance(value, nn.Module) and not isinstance(value, nn.ModuleList | nn.Sequential)):
        raise CaseError(f"{label} returned {described(value)}, not a list of modules", hint=hint)
    entries: list[object] = list(value)  # type: ignore[call-overload]
    if not entries:
        raise CaseError(f"{label} returned no module", hint=hint)
    for entry in entries:
        if not isinstance(entry, nn.Module):
            raise CaseError(f"{label} returned a list with {described(entry)} in it, not a list of modules", hint=hint)
    return entries  # type: ignore[return-value]


def refuse_compiled(module: nn.Module, what: str) -> None:
    """An already compiled module hides the frames that are to be analysed."""
    from steadygraph.torch_private import is_compiled

    if is_compiled(module):
        hint = "leave torch.compile out: steadygraph compiles the plain module itself"
        raise CaseError(f"{what} is already wrapped by torch.compile", hint=hint)
