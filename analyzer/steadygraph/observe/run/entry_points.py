"""What the model's own code compiles, each function and module by a name of its own."""

from __future__ import annotations

import inspect
import threading
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any

from torch import nn

from steadygraph import torch_private
from steadygraph.model import CompiledBy
from steadygraph.observe.places import locations
from steadygraph.observe.run.watching import Forward, WatchedRegion, names_in
from steadygraph.torch_private import EntryPoint

#: What ``torch.compile(module)`` puts between a module and its name.
_WRAPPED = "_orig_mod"


class EntryPoints:
    """Watched regions for what is called and was compiled by nobody but the model's own code.

    Args:
        model: Whose submodules are known by their names; None: there is none.
        taken: Names of other regions.
    """

    def __init__(self, model: nn.Module | None, taken: Iterable[str]) -> None:
        self._model = model
        #: Threads come here at once.
        self._lock = threading.Lock()
        self._regions: dict[tuple[int, ...], WatchedRegion] = {}
        self._taken = set(taken)
        #: Back ends: Dynamo tells those apart that are not equal.
        self._backends: list[Any] = []

    @property
    def regions(self) -> list[WatchedRegion]:
        return list(self._regions.values())

    def called(self, point: EntryPoint, args: Sequence[Any]) -> tuple[WatchedRegion, Sequence[Any]]:
        """The region of an entry point, and the arguments of its call without the module that it is a method of."""
        function, module = point.traced, point.module
        if module is None and _is_method_of(function, args):
            function, module, args = types.MethodType(function, args[0]), args[0], args[1:]
        with self._lock:
            return self._region(point, function, module), args

    def forward(self, point: EntryPoint, region: WatchedRegion) -> Forward:
        """What is compiled there: functions that close over other values share their code, and one region."""
        function = point.traced
        same = function is region.forward.function or region.module is not None
        return region.forward if same else _forward(function, None)

    def _region(self, point: EntryPoint, function: Callable[..., Any], module: nn.Module | None) -> WatchedRegion:
        cache = self._cache(point)
        # Functions under one decorator share its code.
        codes = (locations.code_of(one) for one in (point.function, inspect.unwrap(point.function)))
        key = *map(id, codes), id(module), cache
        region = self._regions.get(key)
        if region is None:
            forward, name = _forward(function, module), self._name(function, module)
            region = self._regions[key] = WatchedRegion(name, module, forward, CompiledBy.USER, cache)
        elif locations.code_of(function) is not region.code:
            region.forward = _forward(function, module)
        return region

    def _cache(self, point: EntryPoint) -> int:
        """Dynamo's entries of one code object are kept apart by back end, and where it is asked to."""
        key = (point.isolated, point.backend)
        if key not in self._backends:
            self._backends.append(key)
        return self._backends.index(key) + 1

    def _name(self, function: Callable[..., Any], module: nn.Module | None) -> str:
        name = next(name for name in self._names(function, module) if name not in self._taken)
        self._taken.add(name)
        return name

    def _names(self, function: Callable[..., Any], module: nn.Module | None) -> Iterator[str]:
        """The name in the model or in the file, with the line if another has the same, and with a number."""
        own = str(getattr(function, "__qualname__", type(function).__name__)).replace("<locals>.", "")
        path = None if module is None else self._path(module)
        if path is not None:
            method = own.rpartition(".")[2]
            own = path if method in ("forward", "inner") else f"{path}.{method}".removeprefix(".")
        elif module is not None:
            own = type(module).__qualname__
        yield own
        place = locations.of_function(function)
        where = own if place is None else f"{own} ({PurePath(place.path).name}:{place.line})"
        yield where
        yield from (f"{where} #{number}" for number in range(2, len(self._taken) + 3))

    def _path(self, module: nn.Module) -> str | None:
        for name, held in () if self._model is None else self._model.named_modules(remove_duplicate=False):
            if held is module:
                return ".".join(part for part in name.split(".") if part != _WRAPPED)
        return None


def _forward(function: Callable[..., Any], module: nn.Module | None) -> Forward:
    return Forward(function, function, function, function, names_in(function))


def _is_method_of(function: Callable[..., Any], args: Sequence[Any]) -> bool:
    """Is this a method under ``@torch.compile``, called with its module?"""
    if not args or not torch_private.is_module(args[0]) or not isinstance(function, types.FunctionType):
        return False
    return getattr(getattr(type(args[0]), function.__name__, None), "__wrapped__", None) is function
