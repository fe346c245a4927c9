"""What a recording could not observe or prove, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch

from steadygraph import torch_private
from steadygraph.accelerator import Simulation
from steadygraph.engine.record import EagerPass
from steadygraph.engine.subject import Subject
from steadygraph.model import Recording, Waived
from steadygraph.observe.syncs import sync_debug
from steadygraph.observe.syncs.sync_ledger import unneeded_blocks
from steadygraph.policies.runs import CallResult

_WITHOUT = {
    Waived.FULLGRAPH: "the scenarios are judged without it",
    Waived.MARKS: "the scenarios are judged as if by maybe_mark_dynamic",
}


def notes(subject: Subject, recording: Recording, eager: EagerPass) -> tuple[str, ...]:
    """All that is to be said, once every pass is over and the model is as it was."""
    untried = torch_private.untried()
    return (
        *([untried] if untried else []),
        *of_device(subject.device, subject.settings.gpu, subject.simulation),
        *(["the case names no DEVICE: its model and its arguments were moved to cuda"] if subject.moved else []),
        *subject.case.remarks,
        *_unasked_reference(subject),
        *eager.notes,
        *_profile(recording),
        *_unrestorable(subject),
        *_unproved(eager.results),
        *_syncs(recording, eager),
    )


def of_device(wanted: str, gpu: str | None, simulation: Simulation | None) -> Iterator[str]:
    """Whether the device is simulated, and a choice of one that means nothing."""
    if simulation is not None:
        yield f"{wanted} is simulated ({simulation}): tensors on it have no values, results no proof"
        if simulation.remark:
            yield simulation.remark
    elif wanted.startswith("cuda") and gpu is not None:
        yield f"gpu {gpu} is ignored: there is a real device ({torch.cuda.get_device_name()})"


def _unasked_reference(subject: Subject) -> Iterator[str]:
    if subject.case.reference is not None and subject.simulation is not None:
        asked = subject.case.named("reference()")
        yield f"{asked} was not asked: on a simulated device it has no values to calculate with"


def _unrestorable(subject: Subject) -> Iterator[str]:
    if subject.state.unrestorable:
        names = ", ".join(subject.state.unrestorable)
        yield f"a call changed {names} in place, which could not be put back between the passes"


def _profile(recording: Recording) -> Iterator[str]:
    """What the profile call is judged without, or that nothing is compared with it."""
    profile = recording.profile
    for refusal in profile.refusals:
        if refusal.waived is not None:
            yield f"torch.compile refuses the profile call with {refusal.waived}: {_WITHOUT[refusal.waived]}"
    if profile.eager_error is not None or any(one.waived is None for one in profile.refusals):
        yield "the profile call raises: no scenario is compared with it, and none is proved"


def _unproved(eager: Mapping[str, CallResult]) -> Iterator[str]:
    for name, result in eager.items():
        if result.limited and result.failure is not None:
            place = result.failure.location
            where = f" in `{place.function}`, line {place.line}" if place else ""
            yield f"{name} is not judged any further than this{where}: {result.failure.message}; {result.hint}"


def _syncs(recording: Recording, eager: EagerPass) -> Iterator[str]:
    confirmed = sync_debug.summary([sync for call in recording.calls for sync in call.syncs])
    if confirmed:
        yield confirmed
    yield from unneeded_blocks(watch.blocks for watch in eager.syncs.values())
