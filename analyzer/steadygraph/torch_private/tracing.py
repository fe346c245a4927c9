"""Dynamo's trace while it is made: calls that are inlined, subgraphs that are called again."""

from __future__ import annotations

import contextlib
import functools
import importlib
import operator
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch

from steadygraph.torch_private.required import has

#: Dynamo's classes and functions that read and write its trace (torch 2.13).
_PARTS = (
    "torch._dynamo.exc:RestartAnalysis",
    "torch._dynamo.exc:UnspecializeRestartAnalysis",
    "torch._dynamo.guards:GUARD_VALUE_DISPATCH",
    "torch._dynamo.guards:GuardCheckSpec",
    "torch._dynamo.source:is_from_source",
    "torch._dynamo.variables.base:AttributeMutationExisting",
    "torch._dynamo.variables.base:ValueMutationExisting",
    "torch._dynamo.variables.builder:VariableBuilder",
    "torch._dynamo.variables.constant:ConstantVariable",
    "torch._dynamo.variables.dicts:ConstDictVariable",
    "torch._dynamo.variables.lazy:LazyVariableTracker",
    "torch._dynamo.variables.lists:ListVariable",
    "torch._dynamo.variables.lists:TupleVariable",
    "torch._dynamo.variables.misc:CellVariable",
    "torch._dynamo.variables.misc:NewGlobalVariable",
    "torch._dynamo.variables.misc:PythonModuleVariable",
    "torch._dynamo.variables.nn_module:UnspecializedNNModuleVariable",
    "torch._dynamo.variables.tensor:SymNodeVariable",
    "torch._dynamo.variables.tensor:TensorVariable",
    "torch._guards:Guard",
)


#: What tracing a repeated layer once needs beside them; where something is missing each layer is traced.
_NEEDED_FOR_SUBGRAPHS = (
    "torch._dynamo.config:inline_invoke_subgraph",
    "torch._dynamo.symbolic_convert:InliningInstructionTranslator.inline_call",
    "torch._dynamo.variables.higher_order_ops:_call_function_with_auto_output_flattening",
    "torch._dynamo.variables.invoke_subgraph:InvokeSubgraphHigherOrderVariable.create_wrapped_node",
    "torch._dynamo.variables.invoke_subgraph:build_subgraph_input_mapping",
    "torch._dynamo.variables.invoke_subgraph:stamp_out_subgraph",
    "torch._guards:InvokeSubgraphReuseEntry",
)


@functools.cache
def can_share_subgraphs() -> bool:
    """Does the installed torch have what it takes to trace a repeated layer once?"""
    return all(has(name) for name in (*_PARTS, *_NEEDED_FOR_SUBGRAPHS))


@functools.cache
def dynamo_parts() -> types.SimpleNamespace:
    """The classes and functions of Dynamo that reading and writing its trace takes, by their own names."""
    found = {}
    for module, _, name in (part.partition(":") for part in _PARTS):
        found[name] = getattr(importlib.import_module(module), name)
    return types.SimpleNamespace(**found)


@contextlib.contextmanager
def inlined_calls(answer: Callable[..., Any]) -> Iterator[None]:
    """A block in which Dynamo asks ``answer(tx, function, args, kwargs, inline)`` for each Python call that it inlines.

    ``inline()`` is what Dynamo would do.  Subgraphs are put back into the graph that calls them once a frame is traced:
    back ends, and whoever reads the graph, see the operators as if each layer had been traced.
    """
    from torch._dynamo import config
    from torch._dynamo.symbolic_convert import InliningInstructionTranslator as Translator

    own: Any = vars(Translator)["inline_call"]

    def inline_call(cls: Any, parent: Any, func: Any, args: Any, kwargs: Any, *rest: Any, **more: Any) -> Any:
        def inline() -> Any:
            return own.__func__(cls, parent, func, args, kwargs, *rest, **more)

        return answer(parent, func, args, kwargs, inline)

    Translator.inline_call = classmethod(inline_call)  # type: ignore[method-assign, assignment]
    try:
        with config.patch(inline_invoke_subgraph=True):
            yield
    finally:
        Translator.inline_call = own  # type: ignore[method-assign]


class _ReadCache(dict[Any, Any]):
    """A dict that remembers what was asked for."""

    def __init__(self, items: Mapping[Any, Any]) -> None:
        super().__init__(items)
        self.read: dict[Any, None] = {}

    def get(self, key: Any, default: Any = None) -> Any:
        self.read[key] = None
        return super().get(key, default)


def trace_subgraph(tx: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> types.SimpleNamespace:
    """Have Dynamo trace a call into a subgraph of its own; ``finish`` of the result puts the call into the graph."""
    from torch._dynamo.variables.higher_order_ops import _call_function_with_auto_output_flattening
    from torch._dynamo.variables.invoke_subgraph import InvokeSubgraphHigherOrderVariable

    class Variable(InvokeSubgraphHigherOrderVariable):
        def install_subgraph_in_output_graph(self, tx: Any, *args: Any, **kwargs: Any) -> str:
            # Not in the place of one that has the same operators: under autocast, they give something else.
            install = super(InvokeSubgraphHigherOrderVariable, self).install_subgraph_in_output_graph
            name: str = install(tx, *args, **kwargs)
            return name

    operator: Any = torch.ops.higher_order.invoke_subgraph
    variable = Variable(operator)
    # What Dynamo knows already it takes from here, and counts as not read.
    known = tx.output.variable_tracker_cache = _ReadCache(tx.output.variable_tracker_cache)
    try:
        proxies, _, example, result, module, name, outputs, info = variable.create_wrapped_node(
            tx, function, list(args), dict(kwargs), variable._HOP_NAME
        )
    finally:
        tx.output.variable_tracker_cache = dict(known)
    operands = (proxies[0], name, *proxies[1:])

    def finish() -> Any:
        return _call_function_with_auto_output_flattening(tx, operator, operands, {}, example, result, outputs)

    return types.SimpleNamespace(
        operands=operands,
        example=example,
        result=result,
        module=module,
        name=name,
        outputs=outputs,
        side_effects=info.side_effect_stack is not None,
        sources=list(dict.fromkeys([*info.traced_sources, *known.read])),
        finish=finish,
    )


def reusable_subgraph(tx: Any, traced: types.SimpleNamespace, arguments: Sequence[tuple[str, Any]]) -> Any:
    """What is needed to call a traced subgraph again; ``arguments`` are (kind, variable) of the values it was given."""
    from torch._dynamo.variables.invoke_subgraph import build_subgraph_input_mapping
    from torch._dynamo.variables.tensor import TensorVariable
    from torch._guards import InvokeSubgraphReuseEntry

    return InvokeSubgraphReuseEntry(
        body_name=traced.name,
        body_gmod=traced.module,
        config=None,
        subgraph_input_mapping=build_subgraph_input_mapping(tx, traced.operands, _tagged(arguments)),
        single_tensor_output=isinstance(traced.result, TensorVariable),
        output_metadata=[(t.shape, t.stride(), t.dtype, t.device, t.requires_grad) for t in traced.example],
        arg_sources=[getattr(variable, "source", None) for _, variable in arguments],
        num_user_outputs=len(traced.outputs),
    )


def call_subgraph(tx: Any, entry: Any, arguments: Sequence[tuple[str, Any]], sources: Sequence[Any]) -> Any:
    """Call a traced subgraph once more, with other arguments, and with what hangs on ``sources`` in the place of what
    hung on the arguments at first; a source that is None stands for itself.  Makes no guards."""
    from torch._dynamo.variables.invoke_subgraph import InputFingerprint, stamp_out_subgraph

    with tx.output.tracing_context.guards_context.skip_guard_install():
        return stamp_out_subgraph(tx, InputFingerprint(_tagged(arguments), list(sources)), entry)


def _tagged(arguments: Sequence[tuple[str, Any]]) -> list[Any]:
    from torch._dynamo.variables.invoke_subgraph import InputTag

    return [(InputTag(kind), variable) for kind, variable in arguments]


def tidy_inlined(module: torch.fx.GraphModule) -> None:
    """Make a graph what it would be had there been no subgraphs.

    Dynamo computes a size once in a graph, and removes sizes and items that nobody uses.
    """
    from torch.fx.experimental.symbolic_shapes import is_accessor_node

    computed: dict[object, torch.fx.Node] = {}
    for node in module.graph.nodes:
        if _computes_a_size(node):
            first = computed.setdefault((node.target, node.args, tuple(node.kwargs.items())), node)
            if first is not node:
                node.replace_all_uses_with(first)
    for node in reversed(list(module.graph.nodes)):
        is_item = node.op == "call_function" and node.target is operator.getitem
        if not node.users and (is_item or node.op == "get_attr" or is_accessor_node(node) or _computes_a_size(node)):
            module.graph.erase_node(node)
    module.delete_all_unused_submodules()
    module.recompile()


def _computes_a_size(node: torch.fx.Node) -> bool:
    sizes = (torch.SymInt, torch.SymFloat, torch.SymBool)
    known = [argument.meta.get("example_value") for argument in node.all_input_nodes]
    return node.op == "call_function" and all(isinstance(v, sizes) for v in (node.meta.get("example_value"), *known))
