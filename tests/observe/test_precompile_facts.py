"""Guards held against the facts that ``torch.compiler.precompile`` (torch 2.15) keeps of them: an account of its own.

It keeps a fact for each guard of each compilation, whether the artifact goes on checking it or not.  What differs
between the compilations of a frame is what tells its calls apart.  Whether another graph follows from it the facts do
not say; so what ``matters`` has to differ there, and what differs there need not matter.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from steadygraph.case.case import Case, build_model, load, profile_call, serving_calls
from steadygraph.config import Settings
from steadygraph.engine.engine import analyzed
from steadygraph.model import PROFILE

facts = pytest.importorskip("torch._dynamo.precompile_package", reason="torch 2.15 is the first with precompile")

CASES = Path(__file__).parents[1] / "cases"
#: What the facts leave out: settings of the process, and conditions on sizes, which name several sources or none.
LEFT_OUT = {"AUTOGRAD_SAVED_TENSORS_HOOKS", "DEFAULT_DEVICE", "GLOBAL_STATE", "SHAPE_ENV", "TORCH_FUNCTION_STATE"}
#: case -> sources that tell its calls apart: of guards that serving violates, and that differ between two compilations.
TOLD_APART = {
    "adapter_of_another_rank": {"self._parameters['a']", "self._parameters['b']"},
    "channels_last_input": {"x"},
    "config_flag_on_module": {"self.config.output_attentions"},
    "dataclass_optional_field": {"metadata.prefill"},
    "layer_appended": {"self._modules['layers']._modules"},
    "mask_dtype_bool_or_float": {"mask"},
    "past_none_then_pairs": {"past[0][0]", "past[1][0]"},
    "same_tensor_for_key_and_value": {"v"},
    "string_mode_argument": {"phase"},
    "train_mode_at_serving": {"self._modules['block']._modules['1'].training"},
    "broadcast_mask_of_one": {"mask"},
    "control_several_dynamic_dimensions": set(),
    "attention_function_swapped": {"self.attend.__code__"},
}
#: case -> sources of which the facts alone say that they differ, and why no guard on them is violated.
FACTS_ALONE = {
    # Another size in a dimension that the graph leaves open: it is in the fact, and no guard asks for it.
    "broadcast_mask_of_one": {"x"},
}
#: case -> sources of violated guards that no fact tells apart, and why.
GUARDS_ALONE = {
    # precompile drops the guard on a function while it captures, too: the second call runs the graph of the first one,
    # and is wrong.
    "attention_function_swapped": {"self.attend.__code__"},
}


class Facts(NamedTuple):
    """(guard type, source) of all guards of the profile call, of what differs between the compilations, of what is no
    longer checked though that may be wrong."""

    of_profile: set[tuple[str, str]]
    differing: set[tuple[str, str]]
    risky: set[tuple[str, str]]


def spelled(source: str) -> str:
    """As the facts spell it."""
    return str(facts._normalize(facts.strip_local_scope(source)))


def facts_of(case: Case) -> Facts:
    model = build_model(case)
    session = facts.precompile_capture(type(model).forward, backend="eager", dynamic=case.compile.get("dynamic"))
    calls = {PROFILE: profile_call(case), **serving_calls(case)}
    if case.mark is not None:
        case.mark(calls[PROFILE].args, calls[PROFILE].kwargs)
    known: list[set[tuple[str, str]]] = []
    with session as compiled:
        for name, call in calls.items():
            if case.before is not None:
                case.before(model, name)
            with case.context(name) if case.context is not None else contextlib.nullcontext():
                compiled(model, *call.args, **call.kwargs)
            known.append({(fact.guard_type, fact.source) for fact in _all(session)})
    differing, risky = facts._varying_guard_slots(session._guard_sets), session.summary().risky_dropped_guards
    return Facts(known[0], set(differing), set(risky))


def _all(session: Any) -> Iterator[Any]:
    for variants in session._guard_sets.values():
        for variant in variants:
            yield from variant


@pytest.mark.parametrize("name", TOLD_APART)
@pytest.mark.usefixtures("nothing_compiled")
def test_guards_are_those_of_the_facts_and_violated_ones_are_those_that_differ(name: str) -> None:
    case = load(str(CASES / f"{name}.py"))
    report, recording = analyzed(case, Settings())
    torch.compiler.reset()

    known = facts_of(case)

    profile = recording.calls[0].observations
    guards = {(guard.guard_type, spelled(guard.source)) for call in profile for guard in call.guards}
    assert {(kind, source) for kind, source in guards if kind not in LEFT_OUT} == known.of_profile
    violated = [guard for scenario in report.scenarios for guard in scenario.violated_guards]
    sources = {re.sub(r"\.(size|stride)\(\)\[\d+\]$", "", spelled(guard.source)) for guard in violated}
    differing = {source for kind, source in known.differing if (kind, source) in known.of_profile}
    assert sources == TOLD_APART[name]
    assert differing - sources == FACTS_ALONE.get(name, set())
    assert sources - differing == GUARDS_ALONE.get(name, set())
    assert all(any(one.startswith(source) for _, source in known.risky) for one in sources - differing)
