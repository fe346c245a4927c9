"""The back ends that prove policies: what compiles a captured graph for each, and which one is run unasked."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.case.case import Case
from steadygraph.case.user_code import guarded
from steadygraph.policies.runs import EAGER

AOT_EAGER, INDUCTOR = "aot_eager", "inductor"
Compile = Callable[[torch.fx.GraphModule, Sequence[Any]], Callable[..., Any] | None]


def compilers(case: Case, asked: Sequence[str]) -> dict[str, Compile]:
    """What compiles captured graphs for each back end but ``eager``, which runs them as they are.

    Args:
        case: Its COMPILE has the settings of inductor.
        asked: Names of back ends.
    """
    if tuple(asked) == (EAGER,):
        aot_eager = _of_a_copy(torch_private.aot_eager())
        return {AOT_EAGER: aot_eager if case.backward else _where_it_may_differ(aot_eager)}
    found: dict[str, Compile] = {}
    if AOT_EAGER in asked:
        found[AOT_EAGER] = _of_a_copy(torch_private.aot_eager())
    if INDUCTOR in asked:
        keywords: Mapping[str, Any] = {key: case.compile.get(key) for key in ("mode", "options", "dynamic")}
        with guarded("COMPILE of the case: inductor"):
            found[INDUCTOR] = _of_a_copy(torch_private.inductor(**keywords))
    return found


def _of_a_copy(compile_graph: Compile) -> Compile:
    """A back end may change the graph that it is given, and the observation goes on with that."""

    def compile_copy(module: torch.fx.GraphModule, example_inputs: Sequence[Any]) -> Callable[..., Any] | None:
        return compile_graph(copy.deepcopy(module), example_inputs)

    return compile_copy


def _where_it_may_differ(compile_graph: Compile) -> Compile:
    """Graphs that AOTAutograd leaves as they are, but for the names of operators, are not worth a second trace."""

    def compile_if_it_may(module: torch.fx.GraphModule, example_inputs: Sequence[Any]) -> Callable[..., Any] | None:
        return compile_graph(module, example_inputs) if torch_private.may_differ_below(module) else None

    return compile_if_it_may
