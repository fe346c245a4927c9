"""The values that every layer speaks: frozen, without tensors, comparable and picklable.

Nothing here imports torch.  An observation can come from anywhere, and knows nothing about who made it.
"""

from __future__ import annotations

from steadygraph.model.evidence import Evidence, Finding, GraphChange, Leak, Move, Outcome, Region
from steadygraph.model.observation import (
    GLOBAL,
    Ambient,
    BreakReason,
    Graph,
    GraphBreak,
    GraphInput,
    Guard,
    Observation,
    Owner,
    Sync,
    ViolatedGuard,
)
from steadygraph.model.report import CaseReport, Problem, RuleProblem, ScenarioReport, Status
from steadygraph.model.structure import (
    Aspect,
    ContainerNode,
    CycleNode,
    Difference,
    Node,
    NoneNode,
    OpaqueNode,
    TensorNode,
    TensorSpec,
    ValueNode,
)
from steadygraph.model.words import (
    PROFILE,
    Consequence,
    DeviceMismatch,
    Failure,
    Kind,
    Location,
    Policy,
    Result,
    Severity,
)

__all__ = [
    "GLOBAL",
    "PROFILE",
    "Ambient",
    "Aspect",
    "BreakReason",
    "CaseReport",
    "Consequence",
    "ContainerNode",
    "CycleNode",
    "DeviceMismatch",
    "Difference",
    "Evidence",
    "Failure",
    "Finding",
    "Graph",
    "GraphBreak",
    "GraphChange",
    "GraphInput",
    "Guard",
    "Kind",
    "Leak",
    "Location",
    "Move",
    "Node",
    "NoneNode",
    "Observation",
    "OpaqueNode",
    "Outcome",
    "Owner",
    "Policy",
    "Problem",
    "Region",
    "Result",
    "RuleProblem",
    "ScenarioReport",
    "Severity",
    "Status",
    "Sync",
    "TensorNode",
    "TensorSpec",
    "ValueNode",
    "ViolatedGuard",
]
