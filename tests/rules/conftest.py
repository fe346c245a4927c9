"""Evidence by hand: what an analysis could have seen, without torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steadygraph.model import (
    Aspect,
    Evidence,
    Finding,
    Location,
    Outcome,
    Owner,
    Policy,
    Result,
    ViolatedGuard,
)
from steadygraph.rule import judge as judging
from steadygraph_rules import RULES

LINE = Location("model.py", 7, "forward", "return x")


@pytest.fixture
def guard() -> Callable[..., ViolatedGuard]:
    """``guard("x.shape[0]", Aspect.SHAPE, "16", "6", dim=0)``: a violated guard on an argument, which matters."""

    def make(path: str, aspect: Aspect, expected: str, actual: str, **more: Any) -> ViolatedGuard:
        values: dict[str, Any] = {
            "source": f"L[{path!r}]",
            "path": path,
            "guard_type": "TENSOR_MATCH",
            "aspect": aspect,
            "owner": Owner.ARGUMENT,
            "expected": expected,
            "actual": actual,
            "location": LINE,
            "matters": True,
        }
        return ViolatedGuard(**{**values, **more})

    return make


@pytest.fixture
def evidence() -> Callable[..., Evidence]:
    """``evidence(guard, ..., drop=Result.SILENT_WRONG)``: one scenario that recompiled once."""

    def make(*guards: ViolatedGuard, drop: Result = Result.SILENT_WRONG, **more: Any) -> Evidence:
        outcomes = (
            Outcome(Policy.RECOMPILE, "eager", Result.RECOMPILES, 0.0, 1),
            Outcome(Policy.DROP, "eager", drop, None),
        )
        values: dict[str, Any] = {"outcomes": outcomes, "regions": (), "profile": (), "serving": ()}
        return Evidence(scenario="image", violated_guards=guards, **{**values, **more})

    return make


@pytest.fixture
def judged(evidence: Callable[..., Evidence]) -> Callable[..., tuple[Finding, ...]]:
    """What all built-in rules say about such a scenario."""

    def judge(*guards: ViolatedGuard, **more: Any) -> tuple[Finding, ...]:
        return judging.judge(evidence(*guards, **more), RULES).findings

    return judge
