"""One traced layer, and whether tracing another call of it would give the same.

Dynamo can call a traced subgraph again (``torch.compiler.nested_compile_region``), but then the layers that it did not
trace have no guards: what a deployment would change on them goes unseen.  Here a layer is called again only if every
guard of the traced one holds for it, and gets all these guards itself, with the lines at which they were made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygraph.observe import layer_structure, torch_private
from steadygraph.observe.moved_sources import MovedSources, SourceTree

#: What an argument is to the subgraph; the values are those of torch.
_TENSOR, _SYMBOL, _CONSTANT, _MODULE = "tensor", "symnode", "constant", "module"
#: An argument that the traced call never looked at: it may be anything.
_UNREAD = "unread"
#: Arguments that lead to other objects in another call.
_MOVING = (_TENSOR, _MODULE)
_TENSOR_GUARD = "TENSOR_MATCH"
#: Two sources lead to one object.
_ALIAS_GUARD = "DUPLICATE_INPUT"


class NotReusableError(Exception):
    """A call that cannot stand for others."""


@dataclass(frozen=True, slots=True, eq=False)
class Value:
    """One value of a call: how Dynamo knows it, and its variable."""

    kind: str
    variable: Any


@dataclass(frozen=True, slots=True, eq=False)
class _Group:
    """A container of values, or the arguments themselves."""

    kind: Any
    parts: tuple[Value | _Group, ...]


class Arguments:
    """What a layer is called with, taken apart into single values.

    Raises:
        NotReusableError: There is something among them that Dynamo knows by more than its kind.
    """

    def __init__(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._dynamo = torch_private.dynamo_parts()
        parts = tuple(self._opened(value) for value in (*args, *kwargs.values()))
        self._all = _Group((len(args), tuple(kwargs)), parts)

    @property
    def values(self) -> list[Value]:
        """Those that somebody has looked at, in the order of the call."""
        return [value for value, _ in _paired(self._all, self._all) or ()]

    def like(self, traced: Arguments) -> list[Value] | None:
        """The values in the places of those that the traced call looked at; None if these have another structure."""
        pairs = _paired(traced._all, self._all)
        return None if pairs is None else [now for _, now in pairs]

    def _opened(self, variable: Any) -> Value | _Group:
        dynamo = self._dynamo
        if isinstance(variable, dynamo.LazyVariableTracker):
            if not variable.is_realized():
                return Value(_UNREAD, variable)
            variable = variable.realize()
        if type(variable) in (dynamo.TupleVariable, dynamo.ListVariable):
            return _Group(type(variable), tuple(self._opened(item) for item in variable.items))
        if type(variable) is dynamo.ConstDictVariable and variable.user_cls is dict:
            keys = tuple(key.vt.as_python_constant() for key in variable.items)
            return _Group((dict, keys), tuple(self._opened(item) for item in variable.items.values()))
        return Value(self._kind(variable), variable)

    def _kind(self, variable: Any) -> str:
        dynamo = self._dynamo
        if type(variable) is dynamo.TensorVariable:
            return _TENSOR
        if type(variable) is dynamo.SymNodeVariable:
            return _SYMBOL
        if isinstance(variable, dynamo.ConstantVariable):
            return _CONSTANT
        if isinstance(variable, dynamo.UnspecializedNNModuleVariable):
            return _MODULE
        raise NotReusableError(type(variable).__name__)


def _paired(traced: Value | _Group, now: Value | _Group) -> list[tuple[Value, Value]] | None:
    """The values of two calls side by side, without those that the traced one never looked at."""
    if isinstance(traced, Value):
        if traced.kind == _UNREAD:
            return []
        return [(traced, now)] if isinstance(now, Value) and now.kind == traced.kind else None
    if not isinstance(now, _Group) or traced.kind != now.kind or len(traced.parts) != len(now.parts):
        return None
    found = []
    for one, other in zip(traced.parts, now.parts, strict=True):
        pairs = _paired(one, other)
        if pairs is None:
            return None
        found += pairs
    return found


class Known:
    """What there is in a trace at one moment: guards (by identity) and symbols."""

    def __init__(self, tx: Any) -> None:
        self._kept = list(tx.output.guards)
        self.guards = set(map(id, self._kept))
        self.symbols = set(tx.output.shape_env.var_to_range)


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

    def __init__(self, tx: Any, layer: nn.Module, arguments: Arguments, before: Known, traced: Any) -> None:
        self._dynamo = torch_private.dynamo_parts()
        self._layer = layer
        self._arguments = arguments
        self._values = values = arguments.values
        self._surroundings = surroundings(tx)
        self._looks = [_look(value) for value in values]
        self._own = values[0].variable.source
        self._roots = [v.variable.source for v in values if v.kind in _MOVING and v.variable.source is not None]
        modules = [value.variable.source for value in values if value.kind == _MODULE and value.variable.source]
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
        self._subgraph = torch_private.reusable_subgraph(tx, traced, _tagged(values))

    def stands_for(self, tx: Any, layer: nn.Module, arguments: Arguments) -> bool:
        """Would tracing this call give the same subgraph?"""
        values = arguments.like(self._arguments)
        if (
            values is None
            or [_look(value) for value in values] != self._looks
            or surroundings(tx) != self._surroundings
        ):
            return False
        if _pattern(values) != _pattern(self._values) or not layer_structure.alike(self._layer, layer):
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
        made: dict[Any, list[Any]] = {source: [] for source in self._sources}
        for guard in self._made:
            made.setdefault(guard.originating_source, []).append(guard)
        # In the order in which the trace came upon them: that is the order of the inputs of the graph.
        for source, guards in made.items():
            now = moved(source)
            known = set(map(id, tx.output.guards.get_guards_for_source(now)))
            value = moved.value(source)
            if isinstance(value, torch.Tensor):
                self._build(tx, source, now, value)
            self._guard_too(tx, now, [self._template(guard, now, moved) for guard in guards], known)
        sources = [value.variable.source if value.kind in _MOVING else None for value in values]
        return torch_private.call_subgraph(tx, self._subgraph, _tagged(values), sources)

    def _build(self, tx: Any, traced: Any, now: Any, value: torch.Tensor) -> None:
        """Have Dynamo make an input of the graph, read at the line where the traced layer read its own."""
        known = _node(tx, value)
        self._dynamo.VariableBuilder(tx, now)(value)
        node = _node(tx, value)
        if node is not None and node is not known and self._lines.get(traced):
            node.meta["stack_trace"] = self._lines[traced]

    def _require_plain(self, tx: Any, traced: Any, before: Known) -> None:
        dynamo = self._dynamo
        if traced.side_effects:
            raise NotReusableError("it changes something")
        if any(torch_private.unbacked_symbols(example) - before.symbols for example in _examples(traced.module)):
            raise NotReusableError("sizes that only data tells, of which each call has its own")
        results = list(traced.result.items) if type(traced.result) is dynamo.TupleVariable else [traced.result]
        if any(type(result) is not dynamo.TensorVariable for result in results):
            raise NotReusableError("the result is no tensor, nor a tuple of tensors")
        if len(results) != len(traced.outputs) or len({id(result) for result in results}) != len(results):
            raise NotReusableError("more comes out of it than its result")
        # What belongs to the layer and is reached in another way as well cannot be told from another layer's.
        parts = {id(part) for part in _parts(self._layer)}
        nodes = {value.variable.as_proxy().node for value in self._values if value.kind == _TENSOR}
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
        return bool(self._dynamo.is_from_source(source, root))

    def _is_argument(self, guard: Any) -> bool:
        """Arguments that are tensors are compared by what the trace knows of them."""
        return guard.create_fn_name() == _TENSOR_GUARD and guard.originating_source in self._roots

    def _condition(self, tx: Any, guard: Any) -> tuple[Any, Callable[[Any], bool]]:
        kind = guard.create_fn_name()
        handler = self._dynamo.GUARD_VALUE_DISPATCH.get(kind)
        if not isinstance(handler, self._dynamo.GuardCheckSpec):
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
            if before.kind in _MOVING and before.variable.source is not None
        }
        return self._tree.moved(replaced, {"G": tx.output.root_tx.f_globals, "L": tx.output.root_tx.f_locals})

    def _template(self, guard: Any, source: Any, moved: MovedSources) -> Any:
        """A guard of the traced layer as another layer has it."""
        create = guard.create_fn
        if guard.create_fn_name() == _ALIAS_GUARD:
            create = functools.partial(create.func, source_b=moved(create.keywords["source_b"]))
        return self._dynamo.Guard(source, create, user_stack=guard.user_stack)

    def _guard_too(self, tx: Any, source: Any, templates: Sequence[Any], known: set[int]) -> None:
        guards = tx.output.guards
        lines = {template.create_fn_name(): template.user_stack for template in templates}
        for made in guards.get_guards_for_source(source):  # with the variable of a tensor
            if id(made) not in known and templates:
                made.user_stack = lines.get(made.create_fn_name(), templates[0].user_stack)
        beside = [guard for guard in guards.get_guards_for_source(source) if id(guard) in known]
        for template in templates:
            # That of a tensor holds on to the tensor itself: it is there.
            if template.create_fn_name() != _TENSOR_GUARD and not any(_same_guard(template, one) for one in beside):
                guards.add(template, collect_debug_stack=False)


def surroundings(tx: Any) -> tuple[Any, ...]:
    """What else decides how a call is traced: settings of the process, blocks that are open, modes."""
    blocks = []
    frame = tx
    while frame is not None:
        blocks += [id(block.with_context) for block in frame.block_stack if block.with_context is not None]
        frame = getattr(frame, "parent", None)
    modes = len(tx.symbolic_torch_function_state.mode_stack)
    return torch_private.dispatch_settings(), tuple(blocks), modes


class Changes:
    """What the trace has changed of objects that existed before it.

    A guard is checked on the object as it is; what the trace itself has made of it, no guard tells.
    """

    def __init__(self, tx: Any) -> None:
        dynamo, effects = torch_private.dynamo_parts(), tx.output.side_effects
        existing = [
            held
            for held, attributes in effects.store_attr_mutations.items()
            if attributes and isinstance(held.mutation_type, dynamo.AttributeMutationExisting)
        ]
        existing += [
            held
            for held in effects.id_to_variable.values()
            if isinstance(held.mutation_type, dynamo.ValueMutationExisting) and held.mutation_type.is_modified
        ]
        changed = set(map(id, existing))
        self._is_from_source = dynamo.is_from_source
        #: Hooks on tensors, and global names that are bound anew, can be read without leaving a trace.
        self.anywhere = bool(effects.tensor_hooks or effects.save_for_backward) or any(
            isinstance(held, dynamo.NewGlobalVariable | dynamo.PythonModuleVariable) for held in existing
        )
        self._objects = {key for key, held in effects.id_to_variable.items() if id(held) in changed}
        # The cells of closures are no objects that a trace comes upon; what is in them is.
        self._cells = [held.source for held in existing if isinstance(held, dynamo.CellVariable) and held.source]

    def reach(self, source: Any, value: object) -> bool:
        """Does it concern what a trace has come upon at ``source``?"""
        return id(value) in self._objects or any(self._is_from_source(source, cell) for cell in self._cells)


def _look(value: Value) -> tuple[Any, ...]:
    """What two arguments have to have in common."""
    variable = value.variable
    if value.kind == _TENSOR:
        # An input of the graph has guards, and a value that was computed has not.
        is_input = variable.source is not None
        return (
            value.kind,
            variable.class_type,
            is_input,
            *_tensor_look(variable.as_proxy().node.meta["example_value"]),
        )
    if value.kind == _SYMBOL:
        return value.kind, type(variable.sym_num), str(variable.sym_num)
    if value.kind == _CONSTANT:
        return value.kind, type(variable.value), repr(variable.value)
    return (value.kind,)


def _tensor_look(tensor: torch.Tensor) -> tuple[Any, ...]:
    # Sizes as text: comparing two symbols would make a guard.
    strides = str(tensor.stride()) if tensor.layout is torch.strided else None
    shape = str(tuple(tensor.shape))
    return type(tensor), shape, strides, tensor.dtype, tensor.device, tensor.layout, tensor.requires_grad


def _same_look(traced: Any) -> Callable[[Any], bool]:
    look = _tensor_look(traced)
    return lambda other: isinstance(other, torch.Tensor) and _tensor_look(other) == look


def _pattern(values: Sequence[Value]) -> list[int]:
    """Which of the tensors and sizes are one and the same."""
    first: dict[Any, int] = {}
    nodes = [value.variable.as_proxy().node for value in values if value.kind in (_TENSOR, _SYMBOL)]
    return [first.setdefault(node, index) for index, node in enumerate(nodes)]


def _tagged(values: Sequence[Value]) -> list[tuple[str, Any]]:
    return [(value.kind, value.variable) for value in values]


def _same_guard(one: Any, other: Any) -> bool:
    if one.create_fn_name() != other.create_fn_name():
        return False
    keywords = [getattr(guard.create_fn, "keywords", {}) for guard in (one, other)]
    return bool(keywords[0] == keywords[1])


def _node(tx: Any, tensor: torch.Tensor) -> Any:
    effects = tx.output.side_effects
    return effects[tensor].as_proxy().node if tensor in effects else None


def _parts(layer: nn.Module) -> Iterator[Any]:
    yield from layer.modules()
    yield from layer.parameters()
    yield from layer.buffers()


def _examples(module: torch.fx.GraphModule) -> Iterator[Any]:
    for graph in (part.graph for part in module.modules() if isinstance(part, torch.fx.GraphModule)):
        for node in graph.nodes:
            example = node.meta.get("example_value")
            yield from example if isinstance(example, list | tuple) else (example,)
