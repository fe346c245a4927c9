"""Greens that would prove nothing: tensors without values, and regions of which nothing was compiled."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.utils._python_dispatch import TorchDispatchMode

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import Result, Severity


class Net(nn.Module):
    def forward(self, x, mask=None):
        return x + 1 if mask is None else x * mask


class Logged(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


class LoggedCompiled(Logged):
    """As the fix has it."""

    @classmethod
    def ignore_compile_internals(cls):
        return True


class Model(nn.Module):
    def __init__(self, *blocks):
        super().__init__()
        self.net, self.blocks = Net(), nn.ModuleList(blocks)

    def forward(self, x, mask=None):
        return self.net(x, mask)


def analysed(build, profile=lambda: ((torch.ones(2),), {}), **options):
    return analyze_case(Case(build=build, profile=profile, serving=lambda: {"a": profile()}, **options), Settings())


def said(report):
    return [(f.severity, f.rule, f.scenario, f.message) for f in report.findings]


MODE = (
    "the profile call compiles nothing of the model, since Dynamo leaves every frame alone under a TorchDispatchMode"
    ": nothing is proved"
)
OFF = "the profile call compiles nothing of the model, since torch.compile is switched off around it: nothing is proved"


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (lambda name: Logged(), MODE),
        (lambda name: torch.compiler.set_stance("force_eager"), OFF),
        (lambda name: torch._dynamo.config.patch(disable=True), OFF),
    ],
)
def test_a_profile_call_that_compiles_nothing_is_told_with_the_reason(context, message):
    report = analysed(Net, context=context)

    assert said(report) == [(Severity.WARNING, "SG403", "profile", message)]


def test_the_fix_for_a_dispatch_mode_makes_dynamo_compile():
    counter = CompileCounter()
    with LoggedCompiled():
        torch.compile(Net(), backend=counter)(torch.ones(2))

    report = analysed(Net, context=lambda name: LoggedCompiled())

    assert counter.frame_count == 1
    assert said(report) == []


def test_what_only_serving_needs_is_not_told():
    """The stance of the profile call counts: what is compiled later is another matter."""

    def context(name):
        return contextlib.nullcontext() if name == "profile" else torch.compiler.set_stance("force_eager")

    report = analysed(Net, context=context)

    assert said(report) == []


def test_regions_that_no_call_runs_are_one_finding():
    blocks = [nn.Linear(2, 2) for _ in range(3)]

    report = analysed(lambda: Model(*blocks), regions=lambda model: [model.net, *model.blocks])

    message = (
        "no call runs `forward` of region `blocks.0`: nothing of it is compiled, and nothing is proved (in 3 regions)"
    )
    assert said(report) == [(Severity.WARNING, "SG403", "profile", message)]


def test_a_forward_without_operations_is_a_note_and_dynamo_leaves_it_alone_for_good():
    class Passes(nn.Module):
        def forward(self, x, mask=None):
            return x if mask is None else x * mask

    counter = CompileCounter()
    compiled = torch.compile(Passes(), backend=counter)
    compiled(torch.ones(2))
    compiled(torch.ones(2), torch.ones(2))

    report = analysed(Passes)

    assert counter.frame_count == 0
    assert said(report) == [
        (
            Severity.NOTE,
            "SG403",
            "profile",
            "the profile call compiles nothing of the model, since its `forward` does no tensor operation there, "
            "and Dynamo leaves such a frame alone",
        )
    ]


class Writes(nn.Module):
    """Its result has values; what it leaves behind has none."""

    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.zeros(2, device="meta"))

    def forward(self, x):
        self.rows.add_(1)
        return x + 1


@pytest.mark.parametrize(
    ("build", "device"),
    [(Net, "meta"), (lambda: Model(nn.Linear(2, 2)), "meta"), (Writes, "cpu")],
)
def test_tensors_on_meta_prove_nothing(build, device):
    report = analysed(build, lambda: ((torch.ones(2, device=device),), {}))

    found = {(o.result, o.predicted) for s in report.scenarios for o in s.outcomes}
    assert found == {(Result.UNPROVED, Result.SAME)}
