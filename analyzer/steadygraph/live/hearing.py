"""Hears of every call of one entry point, and opens those that are not as one before."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from steadygraph.live.region import LiveRegion
from steadygraph.torch_private import EntryPoint, RunningEntry, is_module, skips_guards
from steadygraph.torch_private.entries import NOBODY_ASKS, CapturedGraph, CompiledFrame

if TYPE_CHECKING:
    from steadygraph.live.call import LiveCall
    from steadygraph.live.observer import LiveObserver


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
        self.region: LiveRegion | None = None
        self._takes_module = point.module is None and isinstance(point.function, types.FunctionType)
        self._deaf = not observer.wanted(point)
        #: What is compiled, and what runs, tells of the calls.
        self.settled = self._deaf

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LiveCall | None:
        """Count the call, or open it: of what is not settled, every call comes by here."""
        if self._deaf or self._observer.closed:
            return None
        try:
            region, given = self.region, args
            if region is None:
                region, given = self._regions.get(self._receiver(args)), self._given(args)
            if region is None:
                return self._opened(args, kwargs)
            if region.given_up:
                return None
            # What is compiled in a call belongs to it, and not to the one around it.
            if not (self._observer.looking and self._observer.is_inside) and (
                not skips_guards() and (self.settled or region.counted(given, kwargs))
            ):
                return None
            return self._opened(args, kwargs)
        except Exception as error:
            self._fails(error)
            return None

    def asked(self, running: Callable[[], RunningEntry | None], code: types.CodeType) -> LiveCall | None:
        """Dynamo compiles in a call that was as one before, as far as could be seen."""
        if self._deaf or self._observer.closed or self._observer.is_inside:
            return None
        try:
            entry = self._mine(running)
            return None if entry is None else self._opened(entry.args, entry.kwargs, late=code)
        except Exception as error:
            self._fails(error)
            return None

    def ran(
        self, running: Callable[[], RunningEntry | None], graph: CapturedGraph, *, is_asked: bool
    ) -> LiveCall | None:
        """Something compiled answers a call: open it, unless it is as one before."""
        if self._deaf or self._observer.closed:
            graph.as_before = NOBODY_ASKS
            return None
        try:
            if self._observer.is_inside or (not is_asked and graph.as_before()):
                return None
            entry = self._mine(running)
            return None if entry is None else self._opened(entry.args, entry.kwargs, ran=graph.entry)
        except Exception as error:
            self._fails(error)
            return None

    def release(self) -> None:
        """Hear of nothing any more, and keep nothing alive."""
        self._deaf, self.region, self._point = True, None, None
        self._regions.clear()

    def _mine(self, running: Callable[[], RunningEntry | None]) -> RunningEntry | None:
        """The call that is under way, if it is one of this entry point."""
        entry = running()
        return None if entry is None or self._point is None or not entry.is_of(self._point) else entry

    def _opened(
        self,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        *,
        late: types.CodeType | None = None,
        ran: CompiledFrame | None = None,
    ) -> LiveCall | None:
        if self._point is None:
            return None
        return self._observer.opened(self._point, args, kwargs, self._known, late=late, ran=ran)

    def _fails(self, error: Exception) -> None:
        """This entry point is heard no more."""
        self._deaf = self.settled = True
        function = None if self._point is None else self._point.function
        self._observer.gave_up(getattr(function, "__qualname__", "a compiled function"), error)

    def _known(self, region: LiveRegion, args: Sequence[Any]) -> None:
        if not self._is_method(args):
            self.region = region
            region.is_heard_by(self)
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
