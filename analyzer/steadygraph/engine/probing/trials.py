"""Changed calls, each run once in eager mode and once on what the profile call compiled; nothing is traced.

Both begin where the profile call has ended, and the model is put back there before the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steadygraph import reference, torch_private
from steadygraph.accelerator import known_inputs
from steadygraph.case.case import Call, profile_call
from steadygraph.engine.probing.changed_case import changed_case, edited
from steadygraph.engine.probing.derivation import AGAIN
from steadygraph.engine.probing.places import Derived
from steadygraph.engine.subject import Subject
from steadygraph.errors import raised
from steadygraph.model import Failure, Outcome, Policy, ViolatedGuard
from steadygraph.observe.places import locations
from steadygraph.observe.state import process
from steadygraph.observe.state.state import ModelState
from steadygraph.policies.bench import Bench
from steadygraph.policies.effects import Comparer, Recorder, Watch
from steadygraph.policies.runs import EAGER, SEED, CallResult, is_bad, lefts, outcome, run_one, run_profile, without
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.guards import GuardCheckError

_REFERENCE = Path(reference.__file__).parent


@dataclass(frozen=True, slots=True)
class Tried:
    """What a changed call did.

    Args:
        dropped: Under ``drop``; None: eager mode does not take the call.
        refused: What eager mode raised.
        violated: Guards of the profile call that the call violates.
    """

    dropped: Outcome | None = None
    refused: Failure | None = None
    violated: tuple[ViolatedGuard, ...] = ()


@dataclass
class _Guards:
    """Asks the entries that answer; they run whatever their guards say."""

    bench: Bench
    violated: dict[ViolatedGuard, None] = field(default_factory=dict)
    #: How long they were asked, which happens while the model runs.
    took_s: float = 0.0

    def asked(self, entry: CompiledFrame, f_locals: Mapping[str, Any]) -> None:
        started = time.perf_counter()
        # Nobody asks a guard that torch cannot ask where all are dropped.
        with contextlib.suppress(GuardCheckError):
            self.violated.update(dict.fromkeys(self.bench.session.violated(entry, f_locals)))
        self.took_s += time.perf_counter() - started


class Trials:
    """Of one recorded profile call.

    Args:
        subject: Whose call it is.
        bench: What the recording left behind.
        code: The user's functions that run around the calls.
        afresh: Every call begins where the profile call did: what that leaves behind is known to do harm.
    """

    def __init__(
        self, subject: Subject, bench: Bench, code: Sequence[Callable[..., Any] | None], *, afresh: bool = False
    ) -> None:
        self._subject, self._bench = subject, bench
        self._start = subject.state
        if not afresh:
            subject.state.restore()
            run_profile(bench.case, subject.model)
            self._start = ModelState.capture(subject.model, *code)
        #: A case of independent requests has a fresh model as its truth.
        self._truth = subject.state if subject.case.independent else self._start
        #: The state in which the model is; None: in another one.
        self._at: ModelState | None = None
        #: Does the call write to the model?  Then the changed ones do so, too.
        self._writes = False
        #: How long the model itself has run.
        self.model_s = 0.0
        self._writes = self._tried(AGAIN, arguments_only=True) is None

    def tried(self, one: Derived) -> Tried:
        """Run one.

        Raises:
            CaseError: ``profile()`` no longer returns what it did.
        """
        found = None if self._writes else self._tried(one, arguments_only=True)
        if found is None:
            found = self._tried(one, arguments_only=False)
        assert found is not None, "all was compared"
        return found

    def refusal(self, one: Derived) -> Failure | None:
        """What eager mode raises in a call; None: it takes it."""
        eager = self._eager(one, None)
        return eager if isinstance(eager, Failure) else eager.failure

    def restore(self) -> None:
        """Bring the model back to where the profile call began."""
        self._at = None
        self._reach(self._subject.state)

    def _tried(self, one: Derived, *, arguments_only: bool) -> Tried | None:
        """Compared with eager mode, the model's state left out if so wanted; None: it is written to."""
        eager = self._eager(one, Recorder(arguments_only=arguments_only))
        if isinstance(eager, Failure) or eager.failure is not None:
            return Tried(refused=eager if isinstance(eager, Failure) else eager.failure)
        if arguments_only:
            if self._truth.changed():
                return None
            self._at = self._truth
        watch = Comparer(lefts({one.probe.name: eager}), arguments_only=arguments_only)
        got, violated = self._dropped(one, watch)
        if arguments_only:
            if self._start.changed():
                return None
            self._at = self._start
        return self._judged(one, eager, got, violated)

    def _judged(self, one: Derived, eager: CallResult, got: CallResult, violated: Sequence[ViolatedGuard]) -> Tried:
        again = functools.partial(self._again, one)
        found = outcome(Policy.DROP, EAGER, eager, dataclasses.replace(got, again=again))
        if is_bad(found) and got.effects.wrong:
            found = outcome(Policy.DROP, EAGER, eager, without(got, self._unstable(one, eager)))
        return Tried(found, None, tuple(violated))

    def _dropped(self, one: Derived, watch: Watch) -> tuple[CallResult, list[ViolatedGuard]]:
        guards = _Guards(self._bench)
        self._reach(self._start)
        with self._bench.session.guards_dropped(admit=guards.asked):
            found = self._run(one, watch, self._bench.session.calling())
        self.model_s -= guards.took_s
        return found, list(guards.violated)

    def _eager(self, one: Derived, watch: Watch | None) -> CallResult | Failure:
        self._reach(self._truth)
        with torch_private.compiles_forced_eager():
            try:
                return self._run(one, watch, contextlib.nullcontext())
            except _UnmadeError as error:
                return error.failure
            except Exception as error:
                if not _is_of_a_reference(error):
                    raise
                return locations.of_failure(error)

    def _again(self, one: Derived) -> CallResult:
        found = self._eager(one, None)
        assert isinstance(found, CallResult), "it was made before"
        return found

    def _unstable(self, one: Derived, eager: CallResult) -> set[str]:
        """Where eager mode does not leave the same behind twice."""
        again = self._eager(one, Comparer(lefts({one.probe.name: eager})))
        return {effect.place for effect in again.effects.wrong} if isinstance(again, CallResult) else set()

    def _reach(self, state: ModelState) -> None:
        """Bring the model to this state, if it is not there; a run comes next."""
        if self._at is not state:
            state.restore()
        self._at = None

    def _run(self, one: Derived, watch: Watch | None, watched: AbstractContextManager[Any]) -> CallResult:
        name = one.probe.name
        with process.preserved():
            call = self._call(one)
            case = changed_case(self._bench.case, {name: one}, self._subject.model)
            return run_one(case, self._subject.model, name, call, self._timed(watched), watch)

    @contextlib.contextmanager
    def _timed(self, watched: AbstractContextManager[Any]) -> Iterator[None]:
        with watched:
            started = time.perf_counter()
            try:
                yield
            finally:
                self.model_s += time.perf_counter() - started

    def _call(self, one: Derived) -> Call:
        process.seeded(SEED)
        with known_inputs():
            call = profile_call(self._subject.unchecked)
            try:
                return edited(call, one)
            except Exception as error:  # what an object of the user's, or torch, says of it
                raise _UnmadeError(locations.of_failure(error)) from None


def _is_of_a_reference(error: Exception) -> bool:
    """Does an implementation of ours that the model uses refuse what it was given?"""
    stack = raised.stack(error)
    return bool(stack) and Path(stack[-1].filename).is_relative_to(_REFERENCE)


class _UnmadeError(Exception):
    """An argument cannot be changed in this way: an object refuses it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure
