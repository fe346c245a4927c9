"""NaN and infinity in the results of eager mode: those that the profile call does not have, and what made them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from torch import nn

from steadygraph import torch_private
from steadygraph.case.case import Case
from steadygraph.model import PROFILE, NonFinite
from steadygraph.observe.state.state import ModelState
from steadygraph.policies import proof
from steadygraph.policies.origins import INF, NAN, Origin, Origins, count
from steadygraph.policies.proof import FrozenOutput
from steadygraph.policies.runs import CallResult, run_after_eager


def found(case: Case, model: nn.Module, state: ModelState, eager: Mapping[str, CallResult]) -> dict[str, NonFinite]:
    """By scenario, the first such value of its result.

    NaN counts wherever it comes from.  An infinity counts only where an operator makes it out of finite numbers: one
    that is written or handed in is meant, as in the logits of tokens that must not be drawn.

    Args:
        case: Gives the calls.
        model: Left in the state before its first call, if a call had to be repeated.
        state: That state.
        eager: Results of the calls in order.
    """
    profile = eager[PROFILE].output
    if profile is None:
        return {}
    results = ((name, result.output) for name, result in eager.items() if name != PROFILE)
    told = {name: _first(case, model, state, name, profile, output) for name, output in results if output is not None}
    return {name: one for name, one in told.items() if one is not None}


def _first(
    case: Case, model: nn.Module, state: ModelState, name: str, profile: FrozenOutput, output: FrozenOutput
) -> NonFinite | None:
    for kind in (NAN, INF):
        news = list(_news(kind, profile, output))
        if not news:
            continue
        origins, first = _traced(case, model, state, name, kind)
        for one in news:
            origin = origins.get(one.path, first)
            if kind == NAN or (origin.operator and not origin.spelled):
                return replace(one, operator=origin.operator, location=origin.location, source=origin.source)
    return None


def _news(kind: str, profile: FrozenOutput, output: FrozenOutput) -> Iterator[NonFinite]:
    """The places of a result that hold a kind of value which the profile call does not have there."""
    before = {path: count(kind, value) > 0 for path, value in profile.leaves}
    anywhere = any(before.values())
    for path, value in output.leaves:
        number = count(kind, value)
        if number and not before.get(path, anywhere):
            total = value.numel() if torch_private.is_tensor(value) else 1
            yield NonFinite(proof.ROOT + path, kind, number, total)


def _traced(case: Case, model: nn.Module, state: ModelState, name: str, kind: str) -> tuple[dict[str, Origin], Origin]:
    """Where a call that is run once more has its values of this kind from: by path into the result, and the first."""
    origins = Origins(kind)
    told: dict[str, Origin] = {}

    @contextlib.contextmanager
    def context(call: str) -> Iterator[None]:
        """The case's own, and within it all that the call runs: the model, what is observed, the gradients."""
        own = contextlib.nullcontext() if case.context is None else case.context(call)
        watched = torch_private.watching_ops(origins.run) if call == name else contextlib.nullcontext()
        with own, watched:
            yield

    def observe(model: nn.Module, output: Any) -> Any:
        seen = output if case.observe is None else case.observe(model, output)
        # Before anything is copied: a copy lies elsewhere.
        with torch_private.without_modes():
            bad = [(path, value) for path, value in proof.live(seen).leaves if count(kind, value)]
        told.update((proof.ROOT + path, origins.of(value)) for path, value in bad)
        return seen

    state.restore()
    watched_case = replace(case, context=context, observe=observe)
    run_after_eager(watched_case, model, name, torch_private.compiles_forced_eager, origins)
    state.restore()
    return told, origins.first or Origin()
