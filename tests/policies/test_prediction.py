"""What is predicted for inductor without running it, held against running it."""

import contextlib

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import Policy, Result

TWO = (Policy.RECOMPILE, Policy.DROP)


class Gather(nn.Module):
    def forward(self, positions, table):
        return torch.gather(table, 1, positions.to(torch.int64).unsqueeze(1)).sum(1) + positions


class Linear(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, x):
        return self.layer(x).relu()


class Scale(nn.Module):
    def forward(self, x):
        return x * 2 + 1


class Norm(nn.Module):
    def forward(self, x):
        return x / x.sum(-1, keepdim=True)


TABLE = torch.arange(64.0).reshape(4, 16)


def positions(dtype):
    return (torch.tensor([7, 8, 9, 10], dtype=dtype), TABLE), {}


def inputs(*shape, **options):
    return (torch.linspace(0.5, 1.5, torch.Size(shape).numel(), **options).reshape(shape),), {}


def plain(name):
    return torch.no_grad()


@contextlib.contextmanager
def autocast_at_serving(name):
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16, enabled=name != "profile"):
        yield


def grad_at_serving(name):
    return contextlib.nullcontext() if name != "profile" else torch.no_grad()


#: name -> (model, profile call, serving call, context)
CASES = {
    "an index of another dtype": (Gather, positions(torch.int32), positions(torch.int64), plain),
    "another floating dtype": (Scale, inputs(4, 8), inputs(4, 8, dtype=torch.float64), plain),
    "autocast at serving": (Linear, inputs(2, 8), inputs(2, 8), autocast_at_serving),
    "another batch size": (Norm, inputs(4, 8), inputs(6, 8), plain),
    "another inner size": (Norm, inputs(4, 8), inputs(4, 5), plain),
    "grad mode at serving": (Linear, inputs(2, 8), inputs(2, 8), grad_at_serving),
    "the same call": (Linear, inputs(2, 8), inputs(2, 8), plain),
}


def dropped(name, backends):
    model, profile, serving, context = CASES[name]
    case = Case(build=model, profile=lambda: profile, serving=lambda: {"s": serving}, context=context)
    report = analyze_case(case, Settings(policies=TWO, backends=backends))
    return {o.backend: o for s in report.scenarios if s.name == "s" for o in s.outcomes if o.policy is Policy.DROP}


@pytest.mark.parametrize("name", CASES)
def test_the_prediction_is_what_inductor_does(name):
    eager_alone = dropped(name, ("eager",))["eager"]
    proved = dropped(name, ("eager", "inductor"))["inductor"]

    expected = eager_alone.result if eager_alone.predicted is None else eager_alone.predicted
    assert proved.result is expected


def test_with_inductor_run_nothing_is_predicted():
    both = dropped("autocast at serving", ("eager", "inductor"))

    assert both["eager"].predicted is None
    assert both["inductor"].result is Result.SILENT_WRONG
