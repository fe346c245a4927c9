"""What is accepted, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steadygraph.model import Finding


@dataclass(frozen=True, slots=True, order=True)
class Accepted:
    """A finding that is known; all but the fingerprint is there for who reviews the file."""

    scenario: str
    rule: str
    fingerprint: str
    name: str
    severity: str
    message: str

    @classmethod
    def of(cls, finding: Finding) -> Accepted:
        return cls(
            finding.scenario, finding.rule, finding.fingerprint, finding.name, finding.severity.value, finding.message
        )

    def __str__(self) -> str:
        return f"{self.rule} [{self.scenario}]"


@dataclass(frozen=True, slots=True)
class LockedGraph:
    """A graph by its digest, and the lines of the model that it was traced from by theirs."""

    graph: str
    lines: str


@dataclass(frozen=True, slots=True)
class LockedCall:
    """One call of one region; ``guards`` is empty if nothing was compiled in it."""

    region: str
    guards: str
    guard_types: Mapping[str, int]
    graphs: tuple[LockedGraph, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """What a part of a baseline was made with: versions, and the deployments that were judged."""

    steadygraph: str = ""
    torch: str = ""
    python: str = ""
    policies: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaseBaseline:
    """What is accepted of one case.  ``lock`` holds the calls by scenario; None: the case is not locked."""

    made: Made = field(default_factory=Made)
    findings: tuple[Accepted, ...] = ()
    lock: Mapping[str, tuple[LockedCall, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is accepted, by target."""

    cases: Mapping[str, CaseBaseline] = field(default_factory=dict)
