"""What a model compiles itself, under the policies of a deployment; and code that asks whether it is being compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import steadygraph
from steadygraph.model import Policy, Result, Severity

_HELPER = """
import torch
from torch import nn

@torch.compile(backend="eager"OPTIONS)
def shifted(ids, by=1.5):
    return ids + by

class Layers(nn.Module):
    def forward(self, x, deep=None):
        return x * 2 if deep is None else x * 2 + deep

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()

    def forward(self, ids, deep=None, by=1.5):
        return self.layers(shifted(ids, by), deep)

def build():
    return Model()

def regions(model):
    return [model.layers]

def profile():
    return (torch.arange(4),), {}

def serving():
    return {
        "deep": ((torch.arange(4),), {"deep": torch.ones(4)}),
        "narrow": ((torch.arange(4, dtype=torch.int32),), {}),
        "both": ((torch.arange(4, dtype=torch.int32),), {"deep": torch.ones(4)}),
        "by": ((torch.arange(4),), {"by": 2.5}),
    }
"""


def verdicts(report: steadygraph.Report, scenario: str) -> list[tuple[str, str]]:
    found = [finding for finding in report.findings if finding.scenario == scenario]
    return [(finding.name, finding.severity.value) for finding in found]


def test_a_policy_decides_about_regions_and_the_models_own_code_keeps_its_guards(
    write_case: Callable[..., Path],
) -> None:
    report = steadygraph.analyze(write_case(_HELPER.replace("OPTIONS", "")), policies=["recompile", "drop"])

    results = {
        (name, policy): report.outcome(name, policy).result
        for name in ("deep", "narrow", "both", "by")
        for policy in (Policy.RECOMPILE, Policy.DROP)
    }
    assert results == {
        ("deep", Policy.RECOMPILE): Result.RECOMPILES,
        ("deep", Policy.DROP): Result.SILENT_WRONG,
        ("narrow", Policy.RECOMPILE): Result.RECOMPILES,
        ("narrow", Policy.DROP): Result.RECOMPILES,
        ("both", Policy.RECOMPILE): Result.SAME,  # both were compiled for the calls before it
        ("both", Policy.DROP): Result.SILENT_WRONG,
        ("by", Policy.RECOMPILE): Result.RECOMPILES,
        ("by", Policy.DROP): Result.RECOMPILES,
    }
    assert verdicts(report, "both") == [("none-at-profile", "error"), ("dtype-change", "warning")]


def test_a_guard_that_the_models_own_code_drops_is_to_blame_under_every_policy(
    write_case: Callable[..., Path],
) -> None:
    options = ', options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}'

    report = steadygraph.analyze(write_case(_HELPER.replace("OPTIONS", options)), policies=["recompile", "drop"])

    (finding,) = [finding for finding in report.findings if finding.scenario == "by"]
    assert (finding.name, finding.severity, finding.region) == ("baked-float", Severity.ERROR, "shifted")
    assert finding.message == (
        "argument `by` is 1.5 at profile, 2.5 at serving, and the graph computes with 1.5; "
        "its torch.compile drops the guard (guard_filter_fn)"
    )
    assert [report.outcome("by", policy).result for policy in ("recompile", "drop")] == [Result.SILENT_WRONG] * 2
    # Right all the same: nobody looks at the guard, and nothing comes of it.
    assert report.outcome("narrow", "recompile").result is Result.SAME
    assert [severity for _, severity in verdicts(report, "narrow")] == ["note"]


_ASKING = """
import torch
from torch import nn

@torch.compiler.assume_constant_result
def table():
    return TABLE["scale"]

TABLE = {"scale": 1.0}

class Net(nn.Module):
    def forward(self, x):
        if torch.compiler.is_compiling():
            x = x + 0
        return self.scaled(x) SCALE

    def scaled(self, x):
        return x * FACTOR if torch.compiler.is_dynamo_compiling() else x * 2

def build():
    return Net()

def before(model, name):
    TABLE["scale"] = 2.0 if name == "serving" else 1.0

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"serving": ((torch.ones(4),), {})}
"""


def test_of_two_lines_that_ask_the_one_that_matters_is_named(write_case: Callable[..., Path]) -> None:
    file = write_case(_ASKING.replace("SCALE", "").replace("FACTOR", "3"))

    report = steadygraph.analyze(file, policies=["recompile", "drop"])

    (finding,) = [finding for finding in report.findings if finding.scenario == "serving"]
    assert finding.name == "compiled-branch"
    assert finding.location is not None
    assert finding.location.text == "return x * 3 if torch.compiler.is_dynamo_compiling() else x * 2"
    assert finding.message == (
        "`scaled` asks whether it is being compiled and takes another path then: "
        "the compiled call returns something else than eager mode"
    )


def test_lines_that_ask_are_not_to_blame_for_what_has_another_cause(write_case: Callable[..., Path]) -> None:
    file = write_case(_ASKING.replace("SCALE", "* table()").replace("FACTOR", "2"))

    report = steadygraph.analyze(file, policies=["recompile", "drop"])

    assert verdicts(report, "serving") == [("missing-guard", "error")]
