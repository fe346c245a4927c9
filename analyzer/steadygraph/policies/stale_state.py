"""Requests that should not know of each other: each scenario once more, on a fresh model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from torch import nn

from steadygraph import torch_private
from steadygraph.case.case import Case
from steadygraph.model import PROFILE, Leak
from steadygraph.observe.inputs import attributes
from steadygraph.observe.state import process
from steadygraph.observe.state.state import ModelState
from steadygraph.policies import proof
from steadygraph.policies.effects import Recorder
from steadygraph.policies.runs import CallResult, run_alone, run_until


def leaks(
    case: Case, model: nn.Module, state: ModelState, eager: Mapping[str, CallResult]
) -> dict[str, tuple[Leak, CallResult]]:
    """Scenarios whose eager result depends on the calls before them: through what, and what a fresh model gives.

    Args:
        case: Its calls are independent requests.
        model: Left in whatever state; the caller restores it.
        state: The model's state before its first call.
        eager: Results of the calls in order, each after the ones before it.
    """
    found = {}
    for name, result in eager.items():
        if name == PROFILE:
            continue
        state.restore()
        alone = run_alone(case, model, name, Recorder())
        detail, error = _difference(alone, result)
        if detail is not None:
            leak = Leak(changed_before(case, model, state, name), detail, error)
            found[name] = leak, replace(alone, leaking=result)
    state.restore()
    return found


def _difference(alone: CallResult, after_others: CallResult) -> tuple[str | None, float | None]:
    if alone.raised:
        # A model that needs its warm-up cannot be asked; an error of this request alone is told elsewhere.
        return None, None
    if after_others.failure is not None:
        return f"raises {after_others.failure}, and does not on a fresh model", None
    compared = proof.compare(alone.output, after_others.output)
    return (None, None) if compared.equal else (compared.detail, compared.max_abs_error)


def changed_before(case: Case, model: nn.Module, state: ModelState, name: str) -> tuple[str, ...]:
    """Attributes that the calls before this one left different from a fresh model's."""
    state.restore()
    fresh = attributes.fingerprints(model)
    with process.preserved(), torch_private.compiles_forced_eager():
        run_until(case, model, name)
    used = attributes.fingerprints(model)
    state.restore()
    return tuple(sorted(path for path in fresh.keys() | used.keys() if fresh.get(path) != used.get(path)))
