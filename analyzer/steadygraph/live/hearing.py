"""Hears of every call of one entry point, and opens those that are not as one before."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steadygraph.live import structure_key
from steadygraph.live.region import LiveRegion
from steadygraph.torch_private import EntryPoint, RunningEntry, is_module

if TYPE_CHECKING:
    from steadygraph.live.observer import LiveCall, LiveObserver


class Hearing:
    """The calls of an entry point.

    Args:
        observer: Looks at those that are not as one before.
        point: The entry point.
    """

    def __init__(self, observer: LiveObserver, point: EntryPoint) -> None:
        self._observer = observer
        self._point: EntryPoint | None = point
        #: By the identity of the module, where the function is a method under ``@torch.compile``.
        self._regions: dict[int, LiveRegion] = {}
        #: The one of them, where it is none.
        self._only: LiveRegion | None = None
        self._takes_module = point.module is None and isinstance(point.function, types.FunctionType)
        self._deaf = not observer.wanted(point)

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LiveCall | None:
        """Count the call, or open it.  Every call comes by here: what can be had without a function is."""
        if self._deaf or self._observer.closed:
            return None
        try:
            region, given = self._only, args
            if region is None:
                region, given = self._regions.get(self._receiver(args)), self._given(args)
            if region is None:
                return self._opened(args, kwargs)
            if region.given_up:
                return None
            # What is compiled in a call belongs to it, and not to the one around it.
            if not (self._observer.looking and self._observer.is_inside) and region.counted(
                structure_key.exact(given, kwargs), given, kwargs
            ):
                return None
            return self._opened(args, kwargs)
        except Exception as error:
            self._fails(error)
            return None

    def asked(self, running: Callable[[], RunningEntry | None]) -> LiveCall | None:
        """Dynamo compiles in a call that was as one before, as far as could be seen."""
        if self._deaf or self._observer.closed or self._observer.is_inside:
            return None
        try:
            entry = running()
            return None if entry is None else self._opened(entry.args, entry.kwargs, late=True)
        except Exception as error:
            self._fails(error)
            return None

    def release(self) -> None:
        """Hear of nothing any more, and keep nothing alive."""
        self._deaf, self._only, self._point = True, None, None
        self._regions.clear()

    def _opened(self, args: Sequence[Any], kwargs: Mapping[str, Any], *, late: bool = False) -> LiveCall | None:
        if self._point is None:
            return None
        return self._observer.opened(self._point, args, kwargs, self._known, late=late)

    def _fails(self, error: Exception) -> None:
        """This entry point is heard no more."""
        self._deaf = True
        function = None if self._point is None else self._point.function
        self._observer.gave_up(getattr(function, "__qualname__", "a compiled function"), error)

    def _known(self, region: LiveRegion, args: Sequence[Any]) -> None:
        if not self._takes_module:
            self._only = region
        self._regions[self._receiver(args)] = region

    def _receiver(self, args: Sequence[Any]) -> int:
        return id(args[0]) if self._is_method(args) else 0

    def _given(self, args: Sequence[Any]) -> Sequence[Any]:
        """The arguments without the module that the region is a method of."""
        region = self._regions.get(self._receiver(args))
        bound = region is not None and isinstance(region.watched.forward.function, types.MethodType)
        return args[1:] if bound and self._is_method(args) else args

    def _is_method(self, args: Sequence[Any]) -> bool:
        return bool(self._takes_module and args and is_module(args[0]))
