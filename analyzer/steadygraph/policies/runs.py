"""Running all calls of a case in order: the same way for eager mode and for every policy."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any, cast

from torch import nn

from steadygraph import torch_private
from steadygraph.accelerator import current_unknowns, known_inputs, limit_of, mismatch_of, not_traceable
from steadygraph.case import phase
from steadygraph.case.case import Call, Case, profile_call, serving_calls
from steadygraph.case.their_code import TheirContext, TheirError, their_code
from steadygraph.case.user_code import guarded
from steadygraph.errors import SteadygraphError, raised
from steadygraph.model import PROFILE, DeviceMismatch, Failure, Outcome, Policy, Refusal, Result
from steadygraph.observe.places import locations
from steadygraph.observe.state import process
from steadygraph.observe.state.touched import Place
from steadygraph.policies import proof
from steadygraph.policies.effects import Effects, Left, Watch
from steadygraph.policies.gradients import with_gradients
from steadygraph.policies.proof import Comparison, FrozenOutput
from steadygraph.policies.refusals import refusal_of
from steadygraph.policies.rounding import Noise
from steadygraph.torch_private.guards import GuardCheckError

#: Inputs without a seed of their own, dropout, sampling: every pass draws the same numbers.
SEED = 0
#: What is said of a call whose result is another one each time.
UNREPEATABLE = "eager mode gives two results in two runs"
#: The back end that needs no kernels.
EAGER = "eager"


#: What ends more than the call that raises it.
_ENDING = KeyboardInterrupt | SystemExit


class GuardRefusedError(RuntimeError):
    """The policy's own guard check stopped the call."""


@dataclass(frozen=True, slots=True)
class CallResult:
    """What one call gave: a frozen output, or how it failed."""

    output: Any = None
    failure: Failure | None = None
    refused: str | None = None
    #: The failure says nothing about the code: a simulated device cannot do what it asks for.
    limited: bool = False
    #: What the user can do about the failure.
    hint: str | None = None
    #: Sizes or conditions in this call were not known: what it gave is no proof.
    unknown: bool = False
    #: Devices that met, where that is why it failed.
    mismatch: DeviceMismatch | None = None
    #: What torch.compile refused, where that is why it failed.
    refusal: Refusal | None = None
    #: What it left behind in its arguments and in the model.
    effects: Effects = field(default_factory=Effects)
    #: The same call once more in eager mode, for whom there is something to explain.
    again: Callable[[], CallResult] | None = None
    #: This is what a fresh model, or the case's reference, gives, and that is what eager mode gives: it is wrong.
    leaking: CallResult | None = None

    @property
    def raised(self) -> bool:
        return self.failure is not None

    @property
    def lacks_values(self) -> bool:
        output = self.output is not None and self.output.lacks_values
        return self.unknown or output or self.effects.lacks_values


def run_calls(
    case: Case,
    model: nn.Module,
    *,
    mark: bool = False,
    on_start: Callable[[str], None] | None = None,
    watching: Callable[[str], AbstractContextManager[Any]] | None = None,
    watch: Watch | None = None,
    besides: Collection[str] = (),
) -> dict[str, CallResult]:
    """Run the profile call and then every scenario on ``model``, with inputs built anew.

    A setting of the process that a call leaves behind (threads, default dtype) lasts until the end of these calls.

    Args:
        case: Gives inputs, and what happens before and around each call.
        model: In the state in which the history starts.
        mark: Apply the case's ``mark`` to the profile inputs, as a pass that compiles must.
        on_start: Told the name of each call before it.
        watching: Gives a block to run each call in, inside of the case's own context.
        watch: Looks at what each call leaves behind.
        besides: Calls that are left out.
    """
    results: dict[str, CallResult] = {}
    with process.preserved():
        calls = list(inputs(case, mark=mark))
        for number, (name, call) in enumerate(calls, start=1):
            if name in besides:
                continue
            if on_start is not None:
                on_start(name)
            watched = contextlib.nullcontext() if watching is None else watching(name)
            with phase.step(f"{number} of {len(calls)}"):
                results[name] = run_one(case, model, name, call, watched, watch)
    return results


def run_eager(
    case: Case,
    model: nn.Module,
    *,
    watch: Watch,
    on_start: Callable[[str], None] | None = None,
    watching: Callable[[str], AbstractContextManager[Any]] | None = None,
    besides: Collection[str] = (),
) -> dict[str, CallResult]:
    """The same in eager mode, also of what the model compiles by itself; arguments as of :func:`run_calls`."""
    with torch_private.compiles_forced_eager():
        return run_calls(case, model, on_start=on_start, watching=watching, watch=watch, besides=besides)


def inputs(case: Case, *, mark: bool) -> Iterator[tuple[str, Call]]:
    """The calls of one pass by name, the profile call first; all are made before the first is given.

    Args:
        case: Gives them.
        mark: Apply its ``mark`` to the arguments of the profile call.
    """
    process.seeded(SEED)
    with known_inputs():
        profile = profile_call(case)
    if mark and case.mark is not None:
        with guarded(case.named("mark()")):
            case.mark(profile.args, profile.kwargs)
    process.seeded(SEED + 1)
    with known_inputs():
        scenarios = serving_calls(case)
    yield PROFILE, profile
    yield from scenarios.items()


def run_one(
    case: Case,
    model: nn.Module,
    name: str,
    call: Call,
    watched: AbstractContextManager[Any],
    watch: Watch | None = None,
) -> CallResult:
    phase.begins(f"the call {name}")
    process.seeded(SEED)
    unknowns = current_unknowns()
    if unknowns is not None:
        unknowns.start(name)
    result = _watched(case, model, name, call, watched, watch)
    return result if unknowns is None else replace(result, unknown=unknowns.met_any)


def _watched(
    case: Case, model: nn.Module, name: str, call: Call, watched: AbstractContextManager[Any], watch: Watch | None
) -> CallResult:
    """The call itself, and what it leaves behind: what the case does before it is none of its effects."""
    if case.before is not None:
        try:
            with their_code():
                case.before(model, name)
        except TheirError as error:
            return _failed(error.raised)
    if watch is None:
        return _called(case, model, name, call, watched)
    watch.start(model, call.args, call.kwargs, prepared=case.before is not None)
    result = _called(case, model, name, call, watched)
    return replace(result, effects=watch.end(name, result.output))


def _called(case: Case, model: nn.Module, name: str, call: Call, watched: AbstractContextManager[Any]) -> CallResult:
    failed: BaseException | None = None
    result = CallResult()
    try:
        with around(case, name):
            try:
                result = CallResult(output=seen_of(case, model, call, _output(model, call, watched)))
            except BaseException as error:
                # Kept: the case's context may swallow it, and there is no result all the same.
                failed = error
                raise
    except BaseException as error:
        failed = error
    return result if failed is None else _ended(failed)


def _output(model: nn.Module, call: Call, watched: AbstractContextManager[Any]) -> Any:
    failed: BaseException | None = None
    output: Any = None
    with watched:
        try:
            output = model(*call.args, **call.kwargs)
        except BaseException as error:
            # A block of contextlib writes to the exception that leaves it, which its class may refuse.
            failed = error
    if failed is not None:
        raise failed
    return output


def _ended(error: BaseException) -> CallResult:
    """How a call failed.

    Raises:
        BaseException: ``error``, where that is no fault of the call.
    """
    if issubclass(type(error), TheirError):
        return _failed(cast(TheirError, error).raised)
    if issubclass(type(error), GuardRefusedError):
        return CallResult(refused=raised.text(error))
    if issubclass(type(error), SteadygraphError | _ENDING) or (raised.is_ours(error) and not _is_meant(error)):
        raise error
    return _failed(error)


def _is_meant(error: BaseException) -> bool:
    """Does steadygraph say by this what the call does?"""
    return issubclass(type(error), GuardCheckError) or limit_of(error) is not None


def seen_of(case: Case, model: nn.Module, call: Call, output: object) -> FrozenOutput:
    """What a consumer sees of what a call returned."""
    seen = output
    if case.observe is not None:
        with their_code():
            seen = case.observe(model, output)
    if case.backward:
        seen = with_gradients(case, model, call.args, call.kwargs, seen)
    return proof.freeze(seen)


def _failed(error: BaseException) -> CallResult:
    failure, limit = locations.of_failure(error), limit_of(error)
    problem = limit or not_traceable(error)
    if problem is None:
        return CallResult(
            failure=failure, mismatch=mismatch_of(error), refusal=refusal_of(error, failure, operator=None)
        )
    place = locations.of_stack(torch_private.stack_of_trace(error)) or failure.location
    failure = Failure(type(problem).__name__, str(problem), place)
    refusal = None if limit is not None else refusal_of(error, failure, operator=problem.operator)
    return CallResult(failure=failure, limited=limit is not None, hint=problem.hint, refusal=refusal)


def around(case: Case, name: str) -> AbstractContextManager[Any]:
    """The case's own block around a call.

    Raises:
        CaseError: It is none.
    """
    if case.context is None:
        return contextlib.nullcontext()
    return TheirContext(functools.partial(case.context, name), case.named("context()"))


def run_alone(case: Case, model: nn.Module, scenario: str, watch: Watch) -> CallResult:
    """Run one scenario in eager mode, as the model's first call, after what the case sets up for its profile call."""
    with process.preserved(), torch_private.compiles_forced_eager():
        calls = dict(inputs(case, mark=False))
        if case.before is not None:
            case.before(model, PROFILE)
        return run_one(case, model, scenario, calls[scenario], contextlib.nullcontext(), watch)


def run_profile(case: Case, model: nn.Module, watched: AbstractContextManager[Any] | None = None) -> CallResult:
    """Run the profile call alone, in eager mode; ``watched`` is a block to run it in."""
    with process.preserved(), torch_private.compiles_forced_eager():
        calls = dict(inputs(case, mark=False))
        return run_one(case, model, PROFILE, calls[PROFILE], watched or contextlib.nullcontext())


def run_until(case: Case, model: nn.Module, scenario: str) -> Call:
    """Run the calls before ``scenario`` as the caller's block has them run; that one itself is left to the caller."""
    for name, call in inputs(case, mark=False):
        if name == scenario:
            return call
        run_one(case, model, name, call, contextlib.nullcontext())
    raise LookupError(f"no call is named {scenario}")


def run_after_eager(
    case: Case,
    model: nn.Module,
    scenario: str,
    under: Callable[[], AbstractContextManager[None]],
    watch: Watch,
    on_start: Callable[[str], None] | None = None,
    watching: Callable[[str], AbstractContextManager[Any]] = contextlib.nullcontext,
) -> CallResult:
    """Run one scenario under a policy, and all calls before it in eager mode, but for the profile call.

    Args:
        case: Gives the calls.
        model: In the state in which the history starts.
        scenario: Its name.
        under: Makes a block that brings the policy; graphs that it captures in the profile call are used later.
        watch: Looks at what is left behind by the calls under the policy.
        on_start: Told the name of each of them before it.
        watching: Gives a block to run each of them in, inside of the case's own context.
    """
    with process.preserved():
        for name, call in inputs(case, mark=False):
            if name not in (PROFILE, scenario):
                with torch_private.compiles_forced_eager():
                    run_one(case, model, name, call, contextlib.nullcontext())
                continue
            if on_start is not None:
                on_start(name)
            with under():
                result = run_one(case, model, name, call, watching(name), watch)
            if name == scenario:
                return result
    raise LookupError(f"no call is named {scenario}")


def outcome(
    policy: Policy,
    backend: str,
    eager: CallResult,
    got: CallResult,
    *,
    recompiles: int | None = None,
    noise: Noise | None = None,
) -> Outcome:
    """Hold one call under a policy against the truth.

    Args:
        policy: That under which it was made.
        backend: What ran it.
        eager: The truth: the same call in eager mode, or what a fresh model or the case's reference gives instead.
        got: The call under the policy.
        recompiles: How many compilations it took.
        noise: The back end's own rounding.
    """
    found = _repeatable(policy, backend, eager, got, recompiles, noise)
    if eager.leaking is None or not is_bad(found):
        return found
    if got.failure is not None and eager.leaking.failure is not None:
        return replace(found, as_eager=got.failure.type == eager.leaking.failure.type)
    return replace(found, as_eager=not is_bad(_judged(policy, backend, eager.leaking, got, recompiles, noise)))


def is_bad(outcome: Outcome) -> bool:
    """Is it proved to be wrong, or to raise?"""
    return outcome.result in (Result.SILENT_WRONG, Result.RAISES)


def unrepeatable(eager: CallResult, again: CallResult) -> tuple[str, ...]:
    """Where a call gives another result when eager mode runs it once more: paths, or an error of one of both runs."""
    if eager.failure is not None or again.failure is not None:
        raised = [str(result.failure) for result in (eager, again) if result.failure is not None]
        return tuple(raised) if len(raised) == 1 else ()
    return proof.compare(eager.output, again.output).places


def _repeatable(
    policy: Policy, backend: str, eager: CallResult, got: CallResult, recompiles: int | None, noise: Noise | None
) -> Outcome:
    """The outcome, unless it is bad only where eager mode does not repeat itself either."""
    judged = _judged(policy, backend, eager, got, recompiles, noise)
    differs = is_bad(judged) and not (eager.raised and got.raised)
    again = got.again() if differs and got.again is not None and not judged.effect else None
    luck = () if again is None else unrepeatable(eager.leaking or eager, again)
    if not luck:
        return judged
    if not (eager.raised or got.raised):
        judged = _judged(policy, backend, eager, got, recompiles, noise, besides=luck)
        if judged.result is Result.SILENT_WRONG:
            return judged
    return Outcome(policy, backend, Result.UNPROVED, recompiles=recompiles, error=f"{UNREPEATABLE}: {luck[0]}")


def _judged(
    policy: Policy,
    backend: str,
    eager: CallResult,
    got: CallResult,
    recompiles: int | None,
    noise: Noise | None,
    besides: Collection[str] = (),
) -> Outcome:
    if got.refused is not None:
        return Outcome(policy, backend, Result.REFUSED, recompiles=recompiles, error=got.refused)
    if eager.limited or got.limited:
        failed = got if got.limited else eager
        return Outcome(policy, backend, Result.UNPROVED, recompiles=recompiles, error=str(failed.failure))

    def without_output(result: Result, error: str, *, proved: bool) -> Outcome:
        shown, predicted = (result, None) if proved else (Result.UNPROVED, result)
        return Outcome(policy, backend, shown, recompiles=recompiles, error=error, predicted=predicted)

    if got.failure is not None:
        proved = eager.failure is not None or not got.unknown
        return without_output(Result.RAISES, str(got.failure), proved=proved)
    if eager.failure is not None:
        error = f"eager mode raises {eager.failure}; this does not"
        return without_output(Result.SILENT_WRONG, error, proved=not eager.unknown)
    truth = "in eager mode" if eager.leaking is None else "in the right result"
    compared = proof.compare(eager.output, got.output, noise=noise, besides=besides, truth=truth)
    if not compared.equal or got.effects.wrong:
        return _wrong(Outcome(policy, backend, Result.SILENT_WRONG, recompiles=recompiles), compared, got.effects)
    result = Result.RECOMPILES if recompiles else Result.SAME
    if compared.unproved is not None or eager.lacks_values or got.lacks_values:
        return Outcome(
            policy,
            backend,
            Result.UNPROVED,
            compared.max_abs_error,
            recompiles,
            error=compared.unproved,
            predicted=result,
        )
    return Outcome(policy, backend, result, compared.max_abs_error, recompiles)


def lefts(eager: Mapping[str, CallResult]) -> dict[str, tuple[Left, ...]]:
    """What eager mode left behind after each call; of one that a fresh model does otherwise, either is right.

    Something that counts the calls is not wrong because it has counted those before.
    """
    every = {name: (result, *([result.leaking] if result.leaking else [])) for name, result in eager.items()}
    found = {name: tuple(r.effects.left for r in results if r.effects.left) for name, results in every.items()}
    return {name: left for name, left in found.items() if left}


def _wrong(outcome: Outcome, compared: Comparison, effects: Effects) -> Outcome:
    """The same outcome with what is wrong: first in the output, then in what the call left behind."""
    own = [effect for effect in effects.wrong if effect.since is None]
    first = next(iter((*own, *effects.wrong)), None)
    text = None if first is None else f"after the call, {first.detail}"
    errors = [None if compared.equal else compared.max_abs_error, first.max_abs_error if first else None]
    return replace(
        outcome,
        # Where numbers are equal, something else is wrong.
        max_abs_error=max((error for error in errors if error), default=None),
        error=compared.detail or text,
        effect=text,
    )


def without(result: CallResult, places: Collection[Place]) -> CallResult:
    """The same, whatever was left behind in these places."""
    wrong = tuple(effect for effect in result.effects.wrong if effect.place not in places)
    before = tuple((place, call) for place, call in result.effects.before if place not in places)
    return replace(result, effects=replace(result.effects, wrong=wrong, before=before))
