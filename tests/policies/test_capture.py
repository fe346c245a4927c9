"""What cannot be captured as a CUDA graph, and the line that is told of it."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from steadygraph import Case, allow_sync, analyze
from steadygraph.model import Consequence, Policy, Result

ROWS = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
MASK = torch.tensor([True, False])


def run(forward, *, device="cpu", serving=None):
    """The report about a model of this forward, under cuda-graph."""
    net = type("Net", (nn.Module,), {"forward": forward})
    case = Case(
        build=net,
        profile=lambda: ((ROWS.to(device), MASK.to(device)), {}),
        serving=lambda: serving or {"step": ((ROWS.to(device) * 2, MASK.to(device)), {})},
        device=None if device == "cpu" else device,
    )
    return analyze(case, policies=(Policy.CUDA_GRAPH,))


def item(self, x, mask):
    return x * x.max().item()


def branch(self, x, mask):
    return x * 2 if x.sum() > 0 else x


def masked(self, x, mask):
    return x[mask].sum() + x


def nonzero(self, x, mask):
    return x + mask.nonzero().sum()


def as_list(self, x, mask):
    return x * sum(mask.tolist())


@pytest.mark.parametrize("forward", [item, branch, masked, nonzero, as_list], ids=lambda forward: forward.__name__)
def test_whoever_reads_a_tensor_in_the_region_cannot_be_captured(forward):
    report = run(forward)

    for name in ("profile", "step"):
        outcome = report.outcome(name, Policy.CUDA_GRAPH)
        assert (outcome.result, outcome.predicted) == (Result.UNPROVED, Result.RAISES)
        (finding,) = [f for f in report.findings if f.rule == "SG402" and f.scenario == name]
        assert finding.consequence is Consequence.RAISES
        assert finding.location.line == forward.__code__.co_firstlineno + 1
        assert finding.message.endswith("; the capture of a CUDA graph fails here")


def test_the_outcome_says_where_the_capture_fails():
    line = item.__code__.co_firstlineno + 1

    outcome = run(item).outcome("step", Policy.CUDA_GRAPH)

    assert outcome.error == (
        f"the capture fails in `item`, line {line}: reading a tensor as a Python value (.item(), bool(), int(), "
        "float()) makes the host wait for the stream"
    )


def test_what_is_read_outside_of_the_regions_is_in_nobodys_way():
    class Inner(nn.Module):
        def forward(self, x):
            return x * 2

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = Inner()

        def forward(self, x):
            return self.inner(x) * x.max().item()

    case = Case(
        build=Outer,
        regions=lambda model: [model.inner],
        profile=lambda: ((ROWS.clone(),), {}),
        serving=lambda: {"step": ((ROWS * 2,), {})},
    )

    report = analyze(case, policies=(Policy.CUDA_GRAPH,))

    assert report.outcome("step", Policy.CUDA_GRAPH).result is Result.SAME
    assert [f.consequence for f in report.findings] == [Consequence.SLOW] * 2


def test_what_the_compiler_takes_away_is_in_nobodys_way():
    def forward(self, x, mask):
        if not torch.compiler.is_compiling() and x.max().item() > 100:
            raise ValueError("too large")
        return x * 2

    assert run(forward).outcome("step", Policy.CUDA_GRAPH).result is Result.SAME


def test_a_wait_that_the_code_allows_fails_the_capture_all_the_same():
    def forward(self, x, mask):
        with allow_sync("the scale is needed on the host"):
            scale = x.max().item()
        return x * scale

    report = run(forward)

    assert report.outcome("step", Policy.CUDA_GRAPH).predicted is Result.RAISES
    assert [f.allowed for f in report.findings if f.rule == "SG402"] == [None, None]


def test_a_call_that_never_comes_to_the_line_is_not_served_either_and_has_no_finding_of_its_own():
    def forward(self, x, mask):
        return x * 2 if mask is None else x * x.max().item()

    report = run(forward, serving={"plain": ((ROWS.clone(), None), {})})

    assert report.outcome("plain", Policy.CUDA_GRAPH).predicted is Result.RAISES
    assert [f.rule for f in report.findings if f.scenario == "plain" and f.consequence is Consequence.RAISES] == []


def test_on_a_simulated_device_the_prediction_is_the_same():
    report = run(item, device="cuda")

    assert report.outcome("step", Policy.CUDA_GRAPH).predicted is Result.RAISES


def test_without_values_a_parameter_that_moved_is_predicted_to_be_read_where_it_was():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(2, device="cuda"), requires_grad=False)

        def forward(self, x):
            return x * self.weight

    def before(model, name):
        if name == "synced":
            model.weight.data = torch.ones(2, device="cuda")

    def call():
        return (torch.ones(2, device="cuda"),), {}

    case = Case(
        build=Net,
        device="cuda",
        before=before,
        profile=call,
        serving=lambda: {"step": call(), "synced": call()},
    )

    report = analyze(case, policies=(Policy.CUDA_GRAPH,))

    assert report.outcome("step", Policy.CUDA_GRAPH).predicted is Result.SAME
    synced = report.outcome("synced", Policy.CUDA_GRAPH)
    assert synced.predicted is Result.SILENT_WRONG
    assert synced.error == "the captured graph reads the memory that `weight` had before"


def test_memory_that_was_given_back_is_predicted_to_be_read():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("rows", torch.ones(2))

        def forward(self, x):
            return x + self.rows

    def before(model, name):
        if name == "woken":
            held = torch.empty(10_000)
            model.rows.untyped_storage().resize_(0)
            model.rows.untyped_storage().resize_(held.numel() * 4)
            model.rows.copy_(torch.ones(2))

    case = Case(
        build=Net,
        before=before,
        profile=lambda: ((torch.ones(2),), {}),
        serving=lambda: {"woken": ((torch.ones(2),), {})},
    )

    outcome = analyze(case, policies=(Policy.CUDA_GRAPH,)).outcome("woken", Policy.CUDA_GRAPH)

    assert (outcome.result, outcome.predicted) == (Result.UNPROVED, Result.SILENT_WRONG)
    assert outcome.error == "the captured graph uses memory that was given back when a tensor was resized"
