"""The modules that the deployment compiles: their forwards, and what stands in for them while the model is called."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from torch import nn

from steadygraph.observe.run.entries import Entries
from steadygraph.observe.run.frame_tap import FrameTap
from steadygraph.observe.run.watching import Forward, WatchedRegion, names_in
from steadygraph.torch_private import original_function, with_own_code
from steadygraph.torch_private.entries import CompiledFrame


class Regions:
    """Watched regions of the deployment.

    Args:
        named: (name, module) pairs; their ``forward`` is compiled.
        tap: Compiles them.
    """

    def __init__(self, named: Sequence[tuple[str, nn.Module]], tap: FrameTap) -> None:
        self._tap = tap
        #: Forwards with code objects of their own, by the identity of the code, which is kept alive.
        self._twins: dict[int, tuple[types.CodeType, Callable[..., Any]]] = {}
        self._modules = [(WatchedRegion(name, module, self._compiled(module)), module) for name, module in named]

    def __iter__(self) -> Iterator[WatchedRegion]:
        return (region for region, _ in self._modules)

    def standing_in(
        self,
        stand_in: Callable[[WatchedRegion, nn.Module], Callable[..., Any]],
        made: dict[Forward, Callable[..., Any]],
    ) -> Mapping[nn.Module, Callable[..., Any]]:
        """What is to stand in for the forward that each region has now: the user may have put another one there.

        Args:
            stand_in: Makes it.
            made: What it has made so far.
        """
        found = {}
        for region, module in self._modules:
            if module.forward != region.forward.own:
                region.forward = self._compiled(module)
            if region.forward not in made:
                made[region.forward] = stand_in(region, module)
            found[module] = made[region.forward]
        return found

    def lookup(self, region: WatchedRegion, entries: Entries) -> Callable[[types.CodeType], CompiledFrame | None]:
        """What answers a frame of the region where nothing is compiled: the first entry of the profile call.

        Of entries made after it, those that answered another region there are compiled for that one.
        """

        def found(code: types.CodeType) -> CompiledFrame | None:
            others = [entry for other in self if other is not region for entry in other.entries.get(id(code), ())]
            later = [entry for entry in entries.of(region, code) if entry not in others]
            return next(iter(region.entries.get(id(code)) or later), None)

        return found

    def _compiled(self, module: nn.Module) -> Forward:
        # Modules of one class share their code object, and with it Dynamo's cache: keep it so.
        own = module.forward
        plain = getattr(own, "__func__", own)
        code = getattr(plain, "__code__", None)
        twin = own
        if code is not None:
            _, twin = self._twins.setdefault(id(code), (code, with_own_code(plain)))
            twin = types.MethodType(twin, own.__self__) if isinstance(own, types.MethodType) else twin
        compiled = self._tap.wrap(twin)
        function = original_function(compiled)
        return Forward(own, twin, compiled, function, names_in(function))
