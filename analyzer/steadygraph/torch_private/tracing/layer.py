"""One traced layer, and whether tracing another call of it would give the same.

Dynamo can call a traced subgraph again (``torch.compiler.nested_compile_region``), but then the layers that it did not
trace have no guards: what a deployment would change on them goes unseen.  Here a layer is called again only if every
guard of the traced one holds for it, and gets all these guards itself, with the lines at which they were made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch._dynamo.guards import GUARD_VALUE_DISPATCH, GuardCheckSpec
from torch._dynamo.source import is_from_source
from torch._dynamo.variables.builder import VariableBuilder
from torch._dynamo.variables.lists import TupleVariable
from torch._dynamo.variables.tensor import TensorVariable
from torch._guards import Guard

from steadygraph.torch_private.tensors import unbacked_symbols
from steadygraph.torch_private.tracing.arguments import (
    MODULE,
    MOVING,
    TENSOR,
    Arguments,
    NotReusableError,
    Value,
    look,
    pattern,
    tensor_look,
)
from steadygraph.torch_private.tracing.sources import MovedSources, SourceTree
from steadygraph.torch_private.tracing.subgraphs import Subgraph
from steadygraph.torch_private.tracing.trace import Changes, Known, surroundings

_MEMBERS = {
    "torch._dynamo.guards.GuardCheckSpec": "eval_fn get_metadata_fn",
    "torch._dynamo.output_graph.OutputGraph": "resolve_source_value root_tx",
    "torch._guards.Guard": "create_fn create_fn_name originating_source",
    "torch._guards.GuardsSet": "add(collect_debug_stack) get_guards_for_source",
}

_TENSOR_GUARD = "TENSOR_MATCH"
#: Two sources lead to one object.
_ALIAS_GUARD = "DUPLICATE_INPUT"


class TracedLayer:
    """A call of a layer that Dynamo has traced into a subgraph.

    Args:
        tx: Dynamo's translator of the frame that called the layer.
        layer: The module.
        arguments: What it was called with, its own variable first.
        before: What there was before the call was traced.
        traced: The subgraph.

    Raises:
        NotReusableError: Nothing can be said about other layers.
    """

    def __init__(self, tx: Any, layer: nn.Module, arguments: Arguments, before: Known, traced: Subgraph) -> None:
        self.layer = layer
        self._arguments = arguments
        self._values = values = arguments.values
        self._surroundings = surroundings(tx)
        self._looks = [look(value) for value in values]
        self._own = values[0].variable.source
        self._roots = [v.variable.source for v in values if v.kind in MOVING and v.variable.source is not None]
        modules = [value.variable.source for value in values if value.kind == MODULE and value.variable.source]
        self._read = [*modules, *traced.sources]
        self._sources = [source for source in traced.sources if self._hangs_on_arguments(source)]
        self._require_plain(tx, traced, before)
        self._lines = dict(self._lines_of_inputs(tx))
        guards = [guard for guard in tx.output.guards if self._hangs_on_arguments(guard.originating_source)]
        read = set(self._sources)
        #: The guards that another layer gets, and, with what they expect, those that have to hold for it.
        self._made = [g for g in guards if id(g) not in before.guards or g.originating_source in read]
        aliases = [guard for guard in guards if guard.create_fn_name() == _ALIAS_GUARD]
        self._same = [(g.originating_source, g.create_fn.keywords["source_b"]) for g in aliases]
        others = [guard for guard in guards if guard not in aliases and not self._is_argument(guard)]
        self._conditions = [self._condition(tx, guard) for guard in others]
        needed = [*self._read, *(guard.originating_source for guard in guards), *(other for _, other in self._same)]
        self._tree = SourceTree([*self._roots, *needed])
        self._call = traced.reusable(tx, [value.variable for value in values])

    def stands_for(self, tx: Any, arguments: Arguments) -> bool:
        """Would tracing this call, of a layer that is built alike, give the same subgraph?"""
        values = arguments.like(self._arguments)
        if values is None or [look(value) for value in values] != self._looks or surroundings(tx) != self._surroundings:
            return False
        if pattern(values) != pattern(self._values):
            return False
        moved, changes = self._moved(tx, values), Changes(tx)
        try:
            if any(changes.reach(moved(source), moved.value(source)) for source in self._read):
                return False
            same = all(moved.value(one) is moved.value(other) for one, other in self._same)
            return same and all(holds(moved.value(source)) for source, holds in self._conditions)
        except Exception:  # what the traced layer has, this one has not
            return False

    def call_again(self, tx: Any, arguments: Arguments) -> Any:
        """Put a call of the subgraph into the graph, and the guards that tracing it would have made beside the others.

        Returns:
            Dynamo's variable of the result.
        """
        values = arguments.like(self._arguments)
        assert values is not None, "asked first"
        moved = self._moved(tx, values)
        tracked = tx.output.side_effects.__contains__
        made: dict[Any, list[Any]] = {source: [] for source in self._sources}
        for guard in self._made:
            made.setdefault(guard.originating_source, []).append(guard)
        # In the order in which the trace came upon them: that is the order of the inputs of the graph.
        for source, guards in made.items():
            if moved.below_shared(source, tracked):
                continue  # what hangs on one object is guarded where Dynamo first came upon it
            now, value, shared = moved(source), moved.value(source), moved.shared(source, tracked)
            known = set(map(id, tx.output.guards.get_guards_for_source(now)))
            aliased = any(guard.create_fn_name() == _ALIAS_GUARD for guard in guards)
            if isinstance(value, torch.Tensor) or (shared and source in self._sources and not aliased):
                self._build(tx, source, now, value)
            templates = [self._template(guard, now, moved, tracked) for guard in guards]
            self._guard_too(tx, now, templates, known, aliases_alone=shared)
        sources = [value.variable.source if value.kind in MOVING else None for value in values]
        return self._call(tx, [value.variable for value in values], sources)

    def _build(self, tx: Any, traced: Any, now: Any, value: Any) -> None:
        """Have Dynamo come upon a value: an input of the graph, read where the traced layer read its own, or an alias.

        An object that it knows already gets no other guard than that it is the same.
        """
        known = _node(tx, value)
        VariableBuilder(tx, now)(value)
        node = _node(tx, value)
        if node is not None and node is not known and self._lines.get(traced):
            node.meta["stack_trace"] = self._lines[traced]

    def _require_plain(self, tx: Any, traced: Subgraph, before: Known) -> None:
        if traced.side_effects:
            raise NotReusableError("it changes something")
        if any(unbacked_symbols(example) - before.symbols for example in _examples(traced.module)):
            raise NotReusableError("sizes that only data tells, of which each call has its own")
        results = list(traced.result.items) if type(traced.result) is TupleVariable else [traced.result]
        if any(type(result) is not TensorVariable for result in results):
            raise NotReusableError("the result is no tensor, nor a tuple of tensors")
        if len(results) != len(traced.outputs) or len({id(result) for result in results}) != len(results):
            raise NotReusableError("more comes out of it than its result")
        # What belongs to the layer and is reached in another way as well cannot be told from another layer's.
        parts = {id(part) for part in _parts(self.layer)}
        nodes = {value.variable.as_proxy().node for value in self._values if value.kind == TENSOR}
        changes = Changes(tx)
        for source in self._read:
            value = tx.output.resolve_source_value(source)
            if changes.reach(source, value):
                raise NotReusableError(f"{source.name} was changed")
            own = self._hangs_on(source, self._own)
            if not own and id(value) in parts:
                raise NotReusableError(f"{source.name} is part of the layer")
            if own and isinstance(value, torch.Tensor) and _node(tx, value) in nodes:
                raise NotReusableError(f"{source.name} is an argument as well")

    def _lines_of_inputs(self, tx: Any) -> Iterator[tuple[Any, str]]:
        for source in self._sources:
            value = tx.output.resolve_source_value(source)
            if isinstance(value, torch.Tensor) and (node := _node(tx, value)) is not None:
                yield source, node.meta.get("stack_trace", "")

    def _hangs_on_arguments(self, source: Any) -> bool:
        return any(self._hangs_on(source, root) for root in self._roots)

    def _hangs_on(self, source: Any, root: Any) -> bool:
        return bool(is_from_source(source, root))

    def _is_argument(self, guard: Any) -> bool:
        """Arguments that are tensors are compared by what the trace knows of them."""
        return guard.create_fn_name() == _TENSOR_GUARD and guard.originating_source in self._roots

    def _condition(self, tx: Any, guard: Any) -> tuple[Any, Callable[[Any], bool]]:
        kind = guard.create_fn_name()
        handler = GUARD_VALUE_DISPATCH.get(kind)
        if not isinstance(handler, GuardCheckSpec):
            raise NotReusableError(f"a {kind} guard on {guard.name}")
        value = tx.output.resolve_source_value(guard.originating_source)
        if kind == _TENSOR_GUARD:
            return guard.originating_source, _same_look(value)
        expected = handler.get_metadata_fn(guard, value)
        return guard.originating_source, lambda other: bool(handler.eval_fn(other, expected))

    def _moved(self, tx: Any, values: Sequence[Value]) -> MovedSources:
        """From what hangs on the traced call's arguments to what hangs on those of another one."""
        replaced = {
            before.variable.source: now.variable.source
            for before, now in zip(self._values, values, strict=True)
            if before.kind in MOVING and before.variable.source is not None
        }
        return self._tree.moved(replaced, {"G": tx.output.root_tx.f_globals, "L": tx.output.root_tx.f_locals})

    def _template(self, guard: Any, source: Any, moved: MovedSources, tracked: Callable[[Any], bool]) -> Any:
        """A guard of the traced layer as another layer has it."""
        create = guard.create_fn
        if guard.create_fn_name() == _ALIAS_GUARD:
            first = create.keywords["source_b"]
            # What all layers share goes by the path on which Dynamo first came upon it.
            same = first if moved.shared(first, tracked) else moved(first)
            create = functools.partial(create.func, source_b=same)
        return Guard(source, create, user_stack=guard.user_stack)

    def _guard_too(
        self, tx: Any, source: Any, templates: Sequence[Any], known: set[int], *, aliases_alone: bool
    ) -> None:
        guards = tx.output.guards
        lines = {template.create_fn_name(): template.user_stack for template in templates}
        for made in guards.get_guards_for_source(source):  # with the variable of a tensor
            if id(made) not in known and templates:
                made.user_stack = lines.get(made.create_fn_name(), templates[0].user_stack)
        beside = [guard for guard in guards.get_guards_for_source(source) if id(guard) in known]
        for template in templates:
            if aliases_alone and template.create_fn_name() != _ALIAS_GUARD:
                continue
            # That of a tensor holds on to the tensor itself: it is there.
            if template.create_fn_name() != _TENSOR_GUARD and not any(_same_guard(template, one) for one in beside):
                guards.add(template, collect_debug_stack=False)


def _same_look(traced: Any) -> Callable[[Any], bool]:
    look = tensor_look(traced)
    return lambda other: isinstance(other, torch.Tensor) and tensor_look(other) == look


def _same_guard(one: Any, other: Any) -> bool:
    if one.create_fn_name() != other.create_fn_name():
        return False
    keywords = [getattr(guard.create_fn, "keywords", {}) for guard in (one, other)]
    return bool(keywords[0] == keywords[1])


def _node(tx: Any, value: Any) -> Any:
    effects = tx.output.side_effects
    return effects[value].as_proxy().node if isinstance(value, torch.Tensor) and value in effects else None


def _parts(layer: nn.Module) -> Iterator[Any]:
    yield from layer.modules()
    yield from layer.parameters()
    yield from layer.buffers()


def _examples(module: torch.fx.GraphModule) -> Iterator[Any]:
    for graph in (part.graph for part in module.modules() if isinstance(part, torch.fx.GraphModule)):
        for node in graph.nodes:
            example = node.meta.get("example_value")
            yield from example if isinstance(example, list | tuple) else (example,)
