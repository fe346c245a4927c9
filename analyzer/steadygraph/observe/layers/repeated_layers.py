"""Models repeat their layers: Dynamo traces one of them, and the others are calls of the same subgraph.

A trace of 94 equal layers says no more than a trace of one and takes minutes.  Whatever is unusual (a graph break
inside of a layer, a cache that is written, an int that differs from layer to layer) is traced as ever.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from steadygraph import torch_private
from steadygraph.observe.layers.layer_arguments import Arguments, NotReusableError
from steadygraph.observe.layers.layer_reuse import TracedLayer
from steadygraph.observe.layers.trace_state import Changes, Known
from steadygraph.observe.places import locations

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
    """What is known while one frame is traced; Dynamo may begin several times, with another ``output`` each."""

    output: Any = None
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

    @contextlib.contextmanager
    def traced_once(self) -> Iterator[_Trace]:
        """A block in which Dynamo traces one frame."""
        if not self._layers or not torch_private.can_share_subgraphs():
            yield self._trace
            return
        self._trace = _Trace()
        try:
            with torch_private.inlined_calls(self._answer):
                yield self._trace
        finally:
            self._trace = _Trace()

    @property
    def at_work(self) -> bool:
        """Has a layer of the frame that is being traced become a subgraph?"""
        return bool(self._trace.traced)

    def _answer(
        self, tx: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], inline: Callable[[], Any]
    ) -> Any:
        layer = None if self._inside else self._layer_of(tx, function, args)
        if layer is None:
            return inline()
        trace, code = self._trace, id(function.get_code())
        if trace.output is not tx.output:
            trace.output, trace.traced, trace.spared = tx.output, {}, 0
        if code in trace.refused or Changes(tx).anywhere:
            return inline()
        known = trace.traced.get(code, [])
        try:
            arguments = Arguments(args, kwargs)
        except NotReusableError:
            trace.refused.add(code)
            return inline()
        for one in known:
            if one.stands_for(tx, layer, arguments):
                trace.spared += 1
                return one.call_again(tx, arguments)
        if len(known) >= _MOST_KINDS:
            return inline()
        return self._traced(tx, layer, function, args, kwargs)

    def _layer_of(self, tx: Any, function: Any, args: Sequence[Any]) -> nn.Module | None:
        # Looking at any other variable could have Dynamo read it, earlier than the model does.
        if (
            not args
            or type(args[0]) is not torch_private.dynamo_parts().UnspecializedNNModuleVariable
            or args[0].source is None
        ):
            return None
        layer = self._layers.get(id(args[0].value))
        if layer is None:
            return None
        if function.get_code() is not locations.code_of(layer.forward):
            return None
        # Inside of another subgraph (a checkpoint, a branch of cond) the graph of the frame is not the one written to.
        at_top = tx.output.current_tracer.parent is None and not tx.output.export
        return layer if at_top else None

    def _traced(self, tx: Any, layer: nn.Module, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        dynamo = torch_private.dynamo_parts()
        before = Known(tx)
        self._inside = True
        try:
            subgraph = torch_private.trace_subgraph(tx, function, args, kwargs)
            kind = TracedLayer(tx, layer, Arguments(args, kwargs), before, subgraph)
        except dynamo.RestartAnalysis:
            raise
        except Exception as error:
            # Begin again without: what went wrong, if it is the layer's own, shows there as it does for the user.
            self._trace.refused.add(id(function.get_code()))
            raise dynamo.UnspecializeRestartAnalysis(restart_reason="a layer stands for itself alone") from error
        finally:
            self._inside = False
        self._trace.traced.setdefault(id(function.get_code()), []).append(kind)
        return subgraph.finish()
