"""Models repeat their layers: Dynamo traces one of them, and the others are calls of the same subgraph.

A trace of 94 equal layers says no more than a trace of one and takes minutes.  Whatever is unusual (a graph break
inside of a layer, a cache that is written, an int that differs from layer to layer) is traced as ever.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import fx, nn

from steadygraph import torch_private
from steadygraph.observe.layers import layer_structure
from steadygraph.observe.places import locations

if TYPE_CHECKING:
    from steadygraph.torch_private.tracing import InlinedCall, TracedLayer

#: So many modules of one class in one container are worth it.
LEAST = 8
#: Layers of one class that differ (sliding and full attention) are traced once for each kind, up to so many.
_MOST_KINDS = 4


def repeated(model: nn.Module) -> Iterator[nn.Module]:
    """The modules of a model that have many of their own class, with parts of their own, beside them."""
    for container in model.modules():
        by_class: dict[type, list[nn.Module]] = defaultdict(list)
        for child in container.children():
            by_class[type(child)].append(child)
        for children in by_class.values():
            if len(children) >= LEAST and any(True for _ in children[0].children()):
                yield from children


@dataclass(slots=True, eq=False)
class _Trace:
    """What is known while one frame is traced; Dynamo may begin several times, each time with another trace."""

    of: object = None
    traced: dict[int, list[TracedLayer]] = field(default_factory=dict)
    #: Codes (by identity) of layers that are traced as ever.
    refused: set[int] = field(default_factory=set)
    #: How many layers were not traced.
    spared: int = 0


class RepeatedLayers:
    """Answers Dynamo's inlining of repeated layers.

    Args:
        models: Where to look for them.
    """

    def __init__(self, models: Iterable[nn.Module]) -> None:
        self._layers = {id(layer): layer for model in models for layer in repeated(model)}
        self._trace = _Trace()
        self._inside = False
        self._failure = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """Why layers are traced one by one, where that is nobody's choice and no property of theirs."""
        lacking = torch_private.lacking("tracing") if self._layers else ()
        why = f"torch {torch.__version__} has no {', '.join(lacking)}" if lacking else self._failure
        return (f"repeated layers were traced one by one, which takes longer and finds the same: {why}",) if why else ()

    @contextlib.contextmanager
    def traced_once(self) -> Iterator[_Trace]:
        """A block in which Dynamo traces one frame."""
        if not self._layers or torch_private.lacking("tracing"):
            yield self._trace
            return
        from steadygraph.torch_private.tracing import inlined_calls

        self._trace = _Trace()
        try:
            with inlined_calls(self._answer):
                yield self._trace
        finally:
            self._trace = _Trace()

    def tidy(self, module: fx.GraphModule) -> None:
        """Make a graph of the frame that is being traced what it would be had each layer been traced."""
        if self._trace.traced:
            from steadygraph.torch_private.tracing import tidy

            tidy(module)

    def _answer(self, call: InlinedCall) -> Any:
        layer = None if self._inside else self._layer_of(call)
        if layer is None:
            return call.inline()
        trace, code = self._trace, id(call.code)
        if trace.of is not call.trace:
            trace.of, trace.traced, trace.spared = call.trace, {}, 0
        if code in trace.refused or call.follows_hidden_changes:
            return call.inline()
        known = trace.traced.get(code, [])
        arguments = call.arguments()
        if arguments is None:
            trace.refused.add(code)
            return call.inline()
        for one in known:
            if layer_structure.alike(one.layer, layer) and one.stands_for(call.tx, arguments):
                trace.spared += 1
                return one.call_again(call.tx, arguments)
        return self._traced(call, layer) if len(known) < _MOST_KINDS else call.inline()

    def _layer_of(self, call: InlinedCall) -> nn.Module | None:
        layer = self._layers.get(id(call.module))
        if layer is None or call.code is not locations.code_of(layer.forward):
            return None
        return layer if call.is_at_top else None

    def _traced(self, call: InlinedCall, layer: nn.Module) -> Any:
        code = id(call.code)

        def failed(error: Exception | None) -> None:
            self._trace.refused.add(code)
            if error is not None:
                self._failure = f"{type(layer).__name__} could not be shared ({type(error).__name__}: {error})"

        self._inside = True
        try:
            traced, answer = call.traced(layer, failed)
        finally:
            self._inside = False
        self._trace.traced.setdefault(code, []).append(traced)
        return answer()
