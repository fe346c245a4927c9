"""A Python call that Dynamo comes upon while it traces."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from torch import nn
from torch._dynamo.variables.nn_module import UnspecializedNNModuleVariable

from steadygraph.torch_private.tracing.arguments import Arguments, NotReusableError
from steadygraph.torch_private.tracing.layer import TracedLayer
from steadygraph.torch_private.tracing.subgraphs import beginning_again, inlining, is_own_failure, trace_subgraph
from steadygraph.torch_private.tracing.trace import Changes, Known

_MEMBERS = {
    "torch._dynamo.output_graph.OutputGraph": "current_tracer export",
    "torch._dynamo.output_graph.SubgraphTracer": "parent",
    "torch._dynamo.variables.base.VariableTracker": "source",
    "torch._dynamo.variables.functions.BaseUserFunctionVariable": "get_code",
    "torch._dynamo.variables.nn_module.UnspecializedNNModuleVariable": "value",
}


@dataclass(frozen=True, slots=True, eq=False)
class InlinedCall:
    """A call that Dynamo is about to inline; its answer is Dynamo's variable of the result."""

    #: Dynamo's translator, which a traced layer asks for.
    tx: Any
    _function: Any
    _args: Any
    _kwargs: Any
    #: What Dynamo would do.
    inline: Callable[[], Any]

    @property
    def trace(self) -> object:
        """The trace that is being made: another one each time that Dynamo begins again."""
        return self.tx.output

    @property
    def code(self) -> types.CodeType:
        code: types.CodeType = self._function.get_code()
        return code

    @property
    def module(self) -> nn.Module | None:
        """The module that is the first argument, if there is a path to it."""
        # Looking at any other variable could have Dynamo read it, earlier than the model does.
        known = self._args and type(self._args[0]) is UnspecializedNNModuleVariable and self._args[0].source is not None
        return self._args[0].value if known else None

    @property
    def is_at_top(self) -> bool:
        """Inside of another subgraph (a checkpoint, a branch of cond) the frame's graph is not the one written to."""
        return self.tx.output.current_tracer.parent is None and not self.tx.output.export

    @property
    def follows_hidden_changes(self) -> bool:
        """Has the trace changed what can be read without leaving a trace?"""
        return Changes(self.tx).anywhere

    def arguments(self) -> Arguments | None:
        """What it is called with; None if Dynamo knows something among it by more than its kind."""
        try:
            return Arguments(self._args, self._kwargs)
        except NotReusableError:
            return None

    def traced(
        self, module: nn.Module, failed: Callable[[Exception | None], object]
    ) -> tuple[TracedLayer, Callable[[], Any]]:
        """Trace it into a subgraph; the function gives the answer.

        If that cannot be done, or nothing follows from it for other layers, Dynamo begins again after ``failed``, which
        is told the error where it is neither's fault: something of torch is not as it was.
        """
        before = Known(self.tx)

        def refused(error: Exception) -> None:
            failed(error if is_own_failure(error) and not isinstance(error, NotReusableError) else None)

        with beginning_again(refused):
            subgraph = trace_subgraph(self.tx, self._function, self._args, self._kwargs)
            layer = TracedLayer(self.tx, module, Arguments(self._args, self._kwargs), before, subgraph)
        return layer, lambda: subgraph.call(self.tx)


@contextlib.contextmanager
def inlined_calls(answer: Callable[[InlinedCall], Any]) -> Iterator[None]:
    """A block in which Dynamo asks for the answer to each Python call that it would inline."""
    with inlining(lambda *call: answer(InlinedCall(*call))):
        yield
