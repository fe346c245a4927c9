"""What a case says that its calls must return: eager mode is held against it, as every policy is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch import nn

from steadygraph import torch_private
from steadygraph.case.case import Call, Case
from steadygraph.case.user_code import guarded
from steadygraph.model import PROFILE, Leak, WrongInEager
from steadygraph.observe.state import process
from steadygraph.observe.state.state import ModelState
from steadygraph.policies import proof
from steadygraph.policies.effects import Recorder
from steadygraph.policies.proof import Comparison, FrozenOutput
from steadygraph.policies.rounding import Noise
from steadygraph.policies.runs import SEED, CallResult, around, inputs, run_alone, run_until, seen_of
from steadygraph.policies.stale_state import changed_before, leaks

#: ``reference(model, args, kwargs)`` of a case.
Reference = Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], Any]


@dataclass(frozen=True, slots=True)
class Truth:
    """What each call must give, and where eager mode does not.

    Args:
        results: By call; those of eager mode where it is right.
        leaks: Calls that are wrong through what earlier ones left behind.
        wrong: Calls that depart from the case's reference by themselves.
        agreed: Calls of which the reference says that eager mode is right.
    """

    results: Mapping[str, CallResult]
    leaks: Mapping[str, Leak] = field(default_factory=dict)
    wrong: Mapping[str, WrongInEager] = field(default_factory=dict)
    agreed: frozenset[str] = frozenset()


def truth(
    case: Case, model: nn.Module, state: ModelState, eager: Mapping[str, CallResult], *, simulated: bool
) -> Truth:
    """What every call must give: what a fresh model gives of independent ones, and what the reference says.

    Args:
        case: Gives the calls.
        model: Left in whatever state; the caller restores it.
        state: The model's state before its first call.
        eager: Results of the calls in order, each after the ones before it.
        simulated: Tensors have no values that a reference could calculate with.
    """
    leaking = leaks(case, model, state, eager) if case.independent else {}
    fresh = {**eager, **{name: alone for name, (_, alone) in leaking.items()}}
    found = Truth(fresh, {name: leak for name, (leak, _) in leaking.items()})
    return found if case.reference is None or simulated else _held_against_it(case, model, state, eager, found)


def _held_against_it(
    case: Case, model: nn.Module, state: ModelState, eager: Mapping[str, CallResult], known: Truth
) -> Truth:
    """The same with what the reference says: it has the last word."""
    assert case.reference is not None
    results, leaking, wrong, agreed = dict(known.results), dict(known.leaks), {}, set()
    noise: Noise | None = None
    for name, result in eager.items():
        state.restore()
        right = _answer(case, model, name, case.reference)
        compared = _compared(right, result, noise)
        if compared is not None and compared.equal:
            if name == PROFILE and result.output is not None:
                noise = proof.noise(right, result.output)
            agreed.add(name)
            results[name] = result
            leaking.pop(name, None)
            continue
        results[name] = CallResult(output=right, effects=result.effects, leaking=result)
        if compared is None or (name in leaking and _agrees(right, known.results[name], noise)):
            continue  # what it raises is told, and so is what leaks
        state.restore()
        if name != PROFILE and _agrees(right, run_alone(case, model, name, Recorder()), noise):
            attributes = changed_before(case, model, state, name)
            leaking[name] = Leak(attributes, str(compared.detail), compared.max_abs_error)
        else:
            wrong[name] = WrongInEager(str(compared.detail), compared.max_abs_error)
    return replace(known, results=results, leaks=leaking, wrong=wrong, agreed=frozenset(agreed))


def _answer(case: Case, model: nn.Module, scenario: str, reference: Reference) -> FrozenOutput:
    """What a case says that a call must return, on a model that has run the calls before it in eager mode.

    Of independent calls, on a fresh model, after what the case sets up for its profile call.

    Raises:
        TargetError: The reference raised, or what looks at its result did.
    """
    with process.preserved(), torch_private.compiles_forced_eager(), guarded(case.named("reference()")):
        if case.independent:
            calls = dict(inputs(case, mark=False))
            if case.before is not None and scenario != PROFILE:
                case.before(model, PROFILE)
            return _asked(case, model, scenario, calls[scenario], reference)
        return _asked(case, model, scenario, run_until(case, model, scenario), reference)


def _asked(case: Case, model: nn.Module, name: str, call: Call, reference: Reference) -> FrozenOutput:
    process.seeded(SEED)
    if case.before is not None:
        case.before(model, name)
    with around(case, name):
        return seen_of(case, model, call, reference(model, call.args, call.kwargs))


def _agrees(right: FrozenOutput, result: CallResult, noise: Noise | None) -> bool:
    compared = _compared(right, result, noise)
    return compared is not None and compared.equal


def _compared(right: FrozenOutput, result: CallResult, noise: Noise | None) -> Comparison | None:
    """None if eager mode raises.  A plain way may round as it does in a profile call that is right."""
    return None if result.output is None else proof.compare(right, result.output, noise=noise, truth="by reference()")
