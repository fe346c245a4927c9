"""The result of one case."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from steadygraph.model.budget import Budget
from steadygraph.model.evidence import Finding, GraphChange, Leak, Outcome, Region, WrongInEager
from steadygraph.model.observation import Graph, ViolatedGuard
from steadygraph.model.probe import Sensitivity
from steadygraph.model.structure import Difference
from steadygraph.model.words import Failure, Location


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case has no result."""

    type: str
    message: str
    hint: str | None = None


class Status(enum.StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed-out"


@dataclass(frozen=True, slots=True)
class RegionCall:
    """One call of one region: what ran, and what was compiled for it."""

    region: str
    #: Digests of the graphs that ran, in that order.
    graphs: tuple[str, ...] = ()
    #: Of the guards made in this call; empty if nothing was compiled.
    guards: str = ""
    #: Sorted (type, count) pairs of the guards made in this call.
    guard_types: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class SourceExcerpt:
    """Some lines of a file around places that findings name."""

    path: str
    #: Number of the first line, counted from 1.
    first_line: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """How many calls of one structure a process made while it was watched, and when: ISO 8601, UTC."""

    calls: int
    first: str
    last: str


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    """One call; the first of a case is the profile call."""

    name: str
    differences: tuple[Difference, ...] = ()
    violated_guards: tuple[ViolatedGuard, ...] = ()
    graph: GraphChange = field(default_factory=GraphChange)
    outcomes: tuple[Outcome, ...] = ()
    eager_error: Failure | None = None
    #: Where eager mode is wrong itself: a case of independent requests, and what leaked into this one.
    leak: Leak | None = None
    #: The same where the case's reference says so.
    wrong_in_eager: WrongInEager | None = None
    #: In the order in which they ended.
    calls: tuple[RegionCall, ...] = ()
    #: In a process that was watched.
    seen: Seen | None = None


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A rule that failed, or a pack of rules that cannot be used: the report lacks what it would have found.

    ``rule`` is the code of the rule, or the entry point of the pack.  ``selected`` tells whether it was asked for.
    """

    rule: str
    message: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class LockChange:
    """A call whose graphs or guards are not those that a baseline locks."""

    scenario: str
    #: One sentence.
    message: str

    def __str__(self) -> str:
        return f"not as locked: {self.message}"


@dataclass(frozen=True, slots=True)
class CaseReport:
    """One target."""

    target: str
    status: Status
    duration_s: float
    error: Problem | None = None
    regions: tuple[Region, ...] = ()
    scenarios: tuple[ScenarioReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: One-line remarks about what the analysis could not do.
    notes: tuple[str, ...] = ()
    #: Rules that are missing from the findings; ``notes`` names them too.
    rule_problems: tuple[RuleProblem, ...] = ()
    #: They count as warnings.
    lock_changes: tuple[LockChange, ...] = ()
    #: The graphs that the calls name by their digests, each once.
    graphs: tuple[Graph, ...] = ()
    #: Around the places of the findings, sorted by path and line.
    sources: tuple[SourceExcerpt, ...] = ()
    #: Where the class of the model stands.
    location: Location | None = None
    #: What the calls ran on: ``cpu``, ``cuda``, ``cuda (simulated NVIDIA L4)``; empty: that is not known.
    device: str = ""
    #: Of a profile call that was probed: all calls that were derived from it.
    sensitivity: Sensitivity | None = None
    #: The guards worth keeping, where that was asked for.
    budget: Budget | None = None
