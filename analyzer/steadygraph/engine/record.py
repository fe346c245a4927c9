"""The first step: run every call in eager mode and compiled with guards kept, and keep all that was seen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import CodeType
from typing import Any

from torch import nn

from steadygraph.accelerator import ComparisonWatch, current_unknowns
from steadygraph.case import phase
from steadygraph.case.case import region_modules
from steadygraph.engine import training
from steadygraph.engine.compiled_pass import CompiledPass, compiled
from steadygraph.engine.regions import compiled_region
from steadygraph.engine.subject import Subject
from steadygraph.errors import TargetError
from steadygraph.model import (
    PROFILE,
    Accepted,
    DeviceMismatch,
    Failure,
    Node,
    RecordedCall,
    Recording,
    Status,
)
from steadygraph.observe.places import locations
from steadygraph.observe.syncs.syncs import SyncWatch, when_compiled
from steadygraph.policies import non_finite, reference
from steadygraph.policies.bench import Bench
from steadygraph.policies.effects import Recorder
from steadygraph.policies.reference import Truth
from steadygraph.policies.runs import CallResult, run_eager
from steadygraph.policies.shared import Beginnings

_PROFILE_HINT = "make the profile call run first: everything else is compared with it"


class EagerPass:
    """Every call in eager mode, and what was seen in it."""

    def __init__(self, subject: Subject, regions: Sequence[tuple[str, nn.Module]]) -> None:
        self.syncs: dict[str, SyncWatch] = {}
        self.comparisons: dict[str, ComparisonWatch] = {}
        self._subject = subject
        self._codes = [code for _, module in regions if (code := locations.code_of(module.forward)) is not None]
        self._computed: dict[CodeType, list[Any]] = {}
        self._training: str | None = None
        self.beginnings = Beginnings(subject.model, subject.state)
        self.results = run_eager(
            subject.case,
            subject.model,
            on_start=self.beginnings.start,
            watching=self._watching,
            watch=Recorder(),
        )
        profile = self.results[PROFILE]
        if profile.limited:
            raise _raised(profile, "in eager mode")
        for name in self.results.keys() - self.syncs.keys():  # what the case does before the call has failed
            self.syncs[name], self.comparisons[name] = SyncWatch(), ComparisonWatch(self._computed)
        #: Later passes run the same lines.
        self.notes = (*([self._training] if self._training else []), *self._unknown())
        if not profile.raised:
            self._require_devices()
        #: NaN and infinity, by call.
        self.non_finite = non_finite.found(subject.case, subject.model, subject.state, self.results)

    @contextlib.contextmanager
    def _watching(self, call: str) -> Iterator[None]:
        if call == PROFILE and not self._subject.case.backward:
            self._training = training.remark(self._subject.model)
        on_cuda = self._subject.on_cuda
        real = on_cuda and self._subject.simulation is None
        self.syncs[call] = SyncWatch(self._codes, "cuda" if on_cuda else "", confirm=real)
        self.comparisons[call] = ComparisonWatch(self._computed)
        compared = self.comparisons[call].watching() if on_cuda else contextlib.nullcontext()
        with self.syncs[call].watching(), compared:
            yield

    def _unknown(self) -> Sequence[str]:
        unknowns = current_unknowns()
        if unknowns is None:
            return ()
        limited = [result.failure for result in self.results.values() if result.limited and result.failure]
        return unknowns.notes([failure.location for failure in limited if failure.location])

    def mismatches(self, call: str) -> tuple[DeviceMismatch, ...]:
        """Devices that met in a call: what made it fail, and comparisons that cannot be true."""
        raised = self.results[call].mismatch
        return (*(() if raised is None else (raised,)), *self.comparisons[call].mismatches())

    def _require_devices(self) -> None:
        # A call that ended early may have had more devices to ask for: then the author of the case may know.
        complete = not any(result.raised for result in self.results.values())
        simulation = self._subject.simulation
        if simulation is not None and (complete or self._subject.settings.device):
            simulation.usage.require_all(self._subject.device)


@contextlib.contextmanager
def recorded(subject: Subject, arguments: Mapping[str, Node]) -> Iterator[tuple[Recording, Bench | None, EagerPass]]:
    """A block with the recording of a model, and the live objects that proofs start from.

    There are none if the profile call raises.

    Args:
        subject: What is analysed.
        arguments: Of each call, by its name.

    Raises:
        CaseError: The case cannot be used as it is.
        TargetError: The profile call cannot be run here, or torch.compile fails on it in a way that is not known.
    """
    case, model, state = subject.case, subject.model, subject.state
    regions = region_modules(case, model)
    with phase.step("eager mode"):
        eager = EagerPass(subject, regions)
    if eager.results[PROFILE].failure is not None:
        yield _recording(subject, arguments, eager, None, Truth(eager.results)), None, eager
        return
    with phase.step("reference"):
        truth = reference.truth(case, model, state, eager.results, simulated=subject.simulation is not None)
    with contextlib.ExitStack() as stack:
        with phase.step("tracing"):
            made = stack.enter_context(compiled(subject, regions, truth.results))
        profile = made.results[PROFILE]
        if profile.raised and not made.refusals:
            raise _raised(profile, "under torch.compile")
        recording = _recording(subject, arguments, eager, made, truth)
        device = "cuda" if subject.on_cuda else ""
        bench = Bench(
            made.case, model, state, regions, made.session, truth.results, made.results, eager.beginnings, device
        )
        yield recording, None if profile.raised else bench, eager


def _recording(
    subject: Subject,
    arguments: Mapping[str, Node],
    eager: EagerPass,
    made: CompiledPass | None,
    truth: Truth,
) -> Recording:
    observations = () if made is None else made.session.observations
    observed = {name: [one for one in observations if one.call == name] for name in eager.results}
    case = subject.case
    return Recording(
        target=case.target,
        status=Status.COMPLETED,
        duration_s=0.0,
        regions=() if made is None else tuple(compiled_region(one, observations) for one in made.regions),
        calls=tuple(
            RecordedCall(
                name=name,
                arguments=arguments[name],
                observations=tuple(observed[name]),
                # What broke in the profile call breaks again in every call that runs what was compiled there.
                syncs=when_compiled(eager.syncs[name].syncs(), [*observed[PROFILE], *observed[name]]),
                mismatches=eager.mismatches(name),
                eager_error=None if result.limited else result.failure,
                leak=truth.leaks.get(name),
                wrong_in_eager=truth.wrong.get(name),
                # What the case itself says must be so is meant.
                non_finite=None if name in truth.agreed else eager.non_finite.get(name),
                refusals=made.refusals if made is not None and name == PROFILE else (),
            )
            for name, result in eager.results.items()
        ),
        accepted=tuple(
            Accepted(scenario, rule, reason)
            for scenario, reasons in case.allow.items()
            for rule, reason in reasons.items()
        ),
        accepted_label=case.named("ALLOW"),
        location=locations.of_class(type(subject.model)),
        device=subject.shown_device,
        notes=() if made is None else made.session.remarks,
    )


def _raised(profile: CallResult, how: str) -> TargetError:
    assert profile.failure is not None
    return profile_error(profile.failure, how, profile.hint)


def profile_error(failure: Failure, how: str, hint: str | None = None) -> TargetError:
    """What is said of a profile call that raised for a reason that nobody knows.

    Args:
        failure: What it raised.
        how: The mode it ran in.
        hint: What the user can do.
    """
    where = failure.location
    place = "" if where is None else f" ({where.path}:{where.line} in {where.function})"
    return TargetError(f"the profile call raised {how}: {failure}{place}", hint=hint or _PROFILE_HINT)
