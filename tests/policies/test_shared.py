"""Calls that need no run of their own where guards are dropped: counted by an operator, and held against a full run."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import Policy
from steadygraph.policies import bench

#: How often each call ran, by the value that its input is filled with.
COUNTS: Counter[int] = Counter()


@torch.library.custom_op("steadygraph_tests::tallied", mutates_args=())
def tallied(x: torch.Tensor) -> torch.Tensor:
    COUNTS[int(x.flatten()[0])] += 1
    return x.clone()


@tallied.register_fake
def _(x: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(x)


@pytest.fixture
def runs():
    COUNTS.clear()
    return COUNTS


def full(n, size=3):
    return torch.full((size,), float(n))


class Plain(nn.Module):
    def forward(self, x, bias=None):
        y = torch.ops.steadygraph_tests.tallied(x)
        return y if bias is None else y + bias


class Counts(Plain):
    def __init__(self):
        super().__init__()
        self.seen = torch.zeros(())

    def forward(self, x, bias=None):
        self.seen.add_(1)
        return super().forward(x, bias) + self.seen


def toggling():
    """Ping-pong buffers in a closure: after two calls everything is as it was."""
    turn = [1.0, 2.0]

    class Toggles(Plain):
        def forward(self, x, bias=None):
            turn.reverse()
            return super().forward(x, bias) * turn[0]

    return Toggles()


class Draws(Plain):
    def __init__(self):
        super().__init__()
        self.generator = torch.Generator()

    @torch.compiler.disable
    def noise(self):
        return torch.rand(3, generator=self.generator)

    def forward(self, x, bias=None):
        return super().forward(x + 0.1 * self.noise(), bias)


class WritesItsInput(Plain):
    def forward(self, x, bias=None):
        y = super().forward(x, bias)
        x += 100
        return y


class SetsTheProcess(Plain):
    def forward(self, x, bias=None):
        y = super().forward(x, bias) + torch.ones(3)
        torch.set_default_dtype(torch.float64)
        return y


class BreaksFirst(Plain):
    """Its first frame has no graph: nobody is told that it runs."""

    def forward(self, x, bias=None):
        torch._dynamo.graph_break()
        return super().forward(x, bias)


class ComputesNothing(nn.Module):
    """Once it is called with nothing to add, Dynamo leaves its frame alone for good."""

    def forward(self, x, bias=None):
        return x if bias is None else torch.ops.steadygraph_tests.tallied(x) + bias


def analysed(build, calls, **options):
    """A report on calls of the model, the first of which is the profile call."""
    case = Case(
        build=build,
        profile=lambda: calls()[0],
        serving=lambda: {f"s{n}": call for n, call in enumerate(calls()[1:])},
        **options,
    )
    return analyze_case(case, Settings(policies=(Policy.RECOMPILE, Policy.DROP, Policy.SHAPES_ONLY)))


def plain_calls(*biased, count=4):
    return lambda: [((full(n), torch.ones(3) if n in biased else None), {}) for n in range(count)]


def outcomes(report):
    return {
        (scenario.name, one.policy): (one.result, one.max_abs_error, one.error)
        for scenario in report.scenarios
        for one in scenario.outcomes
    }


@pytest.mark.parametrize(
    ("build", "biased", "expected"),
    [
        # In eager mode and with guards kept: dropped guards, and those on shapes alone, run the same code.
        (Plain, (), [2, 2, 2, 2]),
        # What writes is run by aot_eager as well, under each of the three policies.
        (Counts, (), [5, 5, 5, 5]),
        # Both run once more from the call on that needs another graph, which eager mode runs twice: it may be chance.
        (Plain, (3,), [2, 2, 2, 5]),
        (Plain, (2,), [2, 2, 5, 4]),
        # What the calls before it left behind would be missing.
        (Counts, (3,), [8, 8, 8, 8]),
        (toggling, (3,), [5, 5, 5, 5]),
        (toggling, (2,), [5, 5, 5, 5]),
        (Draws, (3,), [5, 5, 5, 5]),
        (WritesItsInput, (3,), [8, 8, 8, 8]),
        (SetsTheProcess, (1,), [5, 5, 5, 5]),
    ],
)
def test_a_call_runs_again_only_if_other_code_or_another_state_could_meet_it(runs, build, biased, expected):
    analysed(build, plain_calls(*biased))

    assert [runs[n] for n in range(4)] == expected


def shared_input():
    x = full(0)
    return [((x,), {}), ((x,), {}), ((x, torch.ones(3)), {})]


HISTORIES = [
    (Plain, plain_calls(2), {}),
    (Counts, plain_calls(2), {}),
    (toggling, plain_calls(3), {}),
    (Draws, plain_calls(2), {}),
    (WritesItsInput, shared_input, {}),
    (SetsTheProcess, plain_calls(1), {}),
    (BreaksFirst, plain_calls(1, 3), {}),
    (BreaksFirst, plain_calls(2), {}),
    (ComputesNothing, plain_calls(0, 2), {}),
    (ComputesNothing, plain_calls(0, 1, 2, 3), {}),
    (Plain, lambda: [((full(n, size=n + 2),), {}) for n in range(4)], {"compile": {"recompile_limit": 1}}),
    (Plain, plain_calls(3), {"before": lambda model, name: setattr(model, "training", name != "s0")}),
    (
        lambda: nn.Sequential(Plain(), Plain()),
        lambda: [((full(n, size=2 if n % 2 else 5),), {}) for n in range(4)],
        {"regions": list},
    ),
]


@pytest.mark.parametrize(("build", "calls", "options"), HISTORIES)
def test_what_need_not_run_again_has_the_outcome_that_running_it_gives(monkeypatch, build, calls, options):
    shared = outcomes(analysed(build, calls, **options))
    monkeypatch.setattr(bench, "leading", lambda *_: ())

    run = outcomes(analysed(build, calls, **options))

    assert shared == run
