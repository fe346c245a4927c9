"""Dynamo's subgraphs: calls that are inlined are traced into one, and one is called again."""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch._dynamo import config
from torch._dynamo.exc import RestartAnalysis, TorchDynamoException, UnspecializeRestartAnalysis
from torch._dynamo.symbolic_convert import InliningInstructionTranslator
from torch._dynamo.variables.higher_order_ops import _call_function_with_auto_output_flattening
from torch._dynamo.variables.invoke_subgraph import (
    InputFingerprint,
    InvokeSubgraphHigherOrderVariable,
    build_subgraph_input_mapping,
    classify_vt,
    stamp_out_subgraph,
)
from torch._dynamo.variables.tensor import TensorVariable
from torch._guards import InvokeSubgraphReuseEntry
from torch.fx.experimental.symbolic_shapes import is_accessor_node

_MEMBERS = {
    "torch._dynamo.output_graph.OutputGraph": "tracing_context variable_tracker_cache",
    "torch._dynamo.variables.invoke_subgraph.InvokeSubgraphHigherOrderVariable": (
        "_HOP_NAME create_wrapped_node install_subgraph_in_output_graph"
    ),
    "torch._dynamo.variables.functions.BaseUserFunctionVariable": "self_args",
    "torch._guards.GuardsContext": "skip_guard_install",
    "torch._guards.TracingContext": "guards_context",
}

_OPERATOR: Any = torch.ops.higher_order.invoke_subgraph


@contextlib.contextmanager
def inlining(answer: Callable[..., Any]) -> Iterator[None]:
    """A block in which Dynamo asks ``answer(tx, function, args, kwargs, inline)`` for each Python call that it inlines.

    ``inline()`` is what Dynamo would do.  Subgraphs are put back into the graph that calls them once a frame is traced:
    back ends, and whoever reads the graph, see the operators as if each layer had been traced.
    """
    own: Any = vars(InliningInstructionTranslator)["inline_call"]

    def inline_call(cls: Any, parent: Any, func: Any, args: Any, kwargs: Any, *rest: Any, **more: Any) -> Any:
        def inline() -> Any:
            return own.__func__(cls, parent, func, args, kwargs, *rest, **more)

        return answer(parent, func, args, kwargs, inline)

    InliningInstructionTranslator.inline_call = classmethod(inline_call)  # type: ignore[method-assign, assignment]
    try:
        with config.patch(inline_invoke_subgraph=True):
            yield
    finally:
        InliningInstructionTranslator.inline_call = own  # type: ignore[method-assign]


@contextlib.contextmanager
def beginning_again(failed: Callable[[Exception], object]) -> Iterator[None]:
    """A block after which, if it raises, Dynamo traces the frame from its beginning; before that, ``failed`` hears why.

    What went wrong, if it is the layer's own, shows there as it does for the user.
    """
    try:
        yield
    except RestartAnalysis:
        raise
    except Exception as error:
        failed(error)
        raise UnspecializeRestartAnalysis(restart_reason="a layer stands for itself alone") from error


def is_own_failure(error: Exception) -> bool:
    """Is it none of Dynamo's refusals, to which each layer has a right?  Its assertions are some."""
    return not isinstance(error, TorchDynamoException | AssertionError)


class _ReadCache(dict[Any, Any]):
    """A dict that remembers what was asked for."""

    def __init__(self, items: Mapping[Any, Any]) -> None:
        super().__init__(items)
        self.read: dict[Any, None] = {}

    def get(self, key: Any, default: Any = None) -> Any:
        self.read[key] = None
        return super().get(key, default)


class _Variable(InvokeSubgraphHigherOrderVariable):
    def install_subgraph_in_output_graph(self, tx: Any, *args: Any, **kwargs: Any) -> str:
        # Not in the place of one that has the same operators: under autocast, they give something else.
        install = super(InvokeSubgraphHigherOrderVariable, self).install_subgraph_in_output_graph
        name: str = install(tx, *args, **kwargs)
        return name


@dataclass(frozen=True, slots=True, eq=False)
class Subgraph:
    """A call that was traced into a graph of its own."""

    operands: tuple[Any, ...]
    example: Any
    result: Any
    module: torch.fx.GraphModule
    name: str
    outputs: Any
    side_effects: bool
    #: Dynamo's sources of all that was read, each once.
    sources: list[Any]

    def call(self, tx: Any) -> Any:
        """Put the call into the graph; gives Dynamo's variable of the result."""
        example, result, outputs = self.example, self.result, self.outputs
        return _call_function_with_auto_output_flattening(tx, _OPERATOR, self.operands, {}, example, result, outputs)

    def reusable(self, tx: Any, arguments: Sequence[Any]) -> Callable[..., Any]:
        """A function ``(tx, arguments, sources)`` that calls it again.

        The call has other arguments, and what hangs on ``sources`` in the place of what hung on the arguments at first;
        a source that is None stands for itself.  Makes no guards.

        Args:
            tx: Dynamo's translator.
            arguments: Variables of the values that the subgraph was given.
        """
        entry = InvokeSubgraphReuseEntry(
            body_name=self.name,
            body_gmod=self.module,
            config=None,
            subgraph_input_mapping=build_subgraph_input_mapping(tx, p_args=self.operands, flat_vts=_tagged(arguments)),
            single_tensor_output=isinstance(self.result, TensorVariable),
            output_metadata=[(t.shape, t.stride(), t.dtype, t.device, t.requires_grad) for t in self.example],
            arg_sources=[getattr(argument, "source", None) for argument in arguments],
            num_user_outputs=len(self.outputs),
        )

        def call(tx: Any, arguments: Sequence[Any], sources: Sequence[Any]) -> Any:
            fingerprint = InputFingerprint(flat_vts=_tagged(arguments), arg_sources=list(sources))
            with tx.output.tracing_context.guards_context.skip_guard_install():
                return stamp_out_subgraph(tx, fingerprint=fingerprint, cached=entry)

        return call


def _tagged(variables: Sequence[Any]) -> list[tuple[Any, Any]]:
    # Dynamo names what each one is, since the names move: a module is an OBJECT from torch 2.14 on.
    return [(classify_vt(variable), variable) for variable in variables]


def trace_subgraph(tx: Any, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Subgraph:
    """Have Dynamo trace a call into a subgraph of its own; the call itself is not put into the graph."""
    variable: Any = _Variable(_OPERATOR)
    given = list(args)[len(function.self_args()) :]  # a bound method has its own object before them, and puts it there
    # What Dynamo knows already it takes from here, and counts as not read.
    known = tx.output.variable_tracker_cache = _ReadCache(tx.output.variable_tracker_cache)
    try:
        proxies, _, example, result, module, name, outputs, info = variable.create_wrapped_node(
            tx, function, given, dict(kwargs), variable._HOP_NAME
        )
    finally:
        tx.output.variable_tracker_cache = dict(known)
    return Subgraph(
        operands=(proxies[0], name, *proxies[1:]),
        example=example,
        result=result,
        module=module,
        name=name,
        outputs=outputs,
        side_effects=info.side_effect_stack is not None,
        sources=list(dict.fromkeys([*info.traced_sources, *known.read])),
    )


def tidy(module: torch.fx.GraphModule) -> None:
    """Make a graph what it would be had there been no subgraphs.

    Dynamo computes a size once in a graph, and removes sizes and items that nobody uses.
    """
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
