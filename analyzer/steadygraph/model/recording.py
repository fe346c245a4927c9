"""All that was observed of one model in its calls: what is judged, now or next year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from steadygraph.model.budget import Budget
from steadygraph.model.environment import environment, version
from steadygraph.model.evidence import CompilerFault, Leak, NonFinite, Outcome, Region, WrongInEager
from steadygraph.model.observation import Observation, Sync
from steadygraph.model.probe import Sensitivity
from steadygraph.model.refusal import Refusal
from steadygraph.model.report import Problem, Seen, Status
from steadygraph.model.structure import Node
from steadygraph.model.words import PROFILE, DeviceMismatch, Failure, Location


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """All that was observed in one call: the profile call or a scenario."""

    name: str
    #: The arguments of the whole call.
    arguments: Node
    #: Of the calls of regions, in the order in which they ended.
    observations: tuple[Observation, ...] = ()
    #: What blocks the host in eager mode, inside and outside of the regions.
    syncs: tuple[Sync, ...] = ()
    #: Operands, or sides of a comparison, on devices that are not the same, in eager mode.
    mismatches: tuple[DeviceMismatch, ...] = ()
    #: What eager mode itself raised.
    eager_error: Failure | None = None
    #: What leaked into this call from earlier ones; None also where the calls are not independent.
    leak: Leak | None = None
    #: How eager mode departs from the case's reference.
    wrong_in_eager: WrongInEager | None = None
    #: NaN or infinity in the result of eager mode, and none in that of the profile call.
    non_finite: NonFinite | None = None
    #: Which part of torch.compile is wrong about the call by itself.
    fault: CompilerFault | None = None
    #: What the call did under each policy that was asked for.
    outcomes: tuple[Outcome, ...] = ()
    #: Of the profile call: what torch.compile refused in it.
    refusals: tuple[Refusal, ...] = ()
    #: In a process that was watched: of all calls that look like this one.
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Findings that a case accepts; ``scenario`` may be ``*``, ``rule`` is a code or a name."""

    scenario: str
    rule: str
    reason: str


@dataclass(frozen=True, slots=True)
class Recording:
    """All that was observed of one model.

    Without calls where the target has no result: ``error`` tells why.
    """

    target: str
    status: Status
    duration_s: float
    error: Problem | None = None
    regions: tuple[Region, ...] = ()
    #: The profile call first, then the scenarios in their order.
    calls: tuple[RecordedCall, ...] = ()
    #: One-line remarks about what could not be observed.
    notes: tuple[str, ...] = ()
    accepted: tuple[Accepted, ...] = ()
    #: Begins the sentences of errors about what is accepted: ``ALLOW of case.py``.
    accepted_label: str = "ALLOW"
    #: Where the class of the model stands.
    location: Location | None = None
    #: What the calls ran on, as in a report.
    device: str = ""
    #: Of a profile call that was probed: all calls that were derived from it.
    sensitivity: Sensitivity | None = None
    #: The guards worth keeping, where that was asked for.
    budget: Budget | None = None

    @property
    def profile(self) -> RecordedCall:
        """The warm-up call.

        Raises:
            LookupError: There is none, because the target failed.
        """
        return self.calls[0]

    @property
    def scenarios(self) -> Iterator[RecordedCall]:
        """The serving calls."""
        return (call for call in self.calls if call.name != PROFILE)


@dataclass(frozen=True, slots=True)
class RunRecording:
    """The recordings of one run.

    Args:
        recordings: One for each target, in the order in which they were asked for.
        environment: Versions and platform, see :func:`steadygraph.model.environment.environment`.
        tool_version: Version of steadygraph that made the recordings.
        interrupted: The run was stopped before all targets were recorded.
    """

    recordings: tuple[Recording, ...]
    environment: Mapping[str, str] = field(default_factory=environment)
    tool_version: str = field(default_factory=lambda: version("steadygraph"))
    interrupted: bool = False
