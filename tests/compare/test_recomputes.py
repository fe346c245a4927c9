"""Does the profile graph merely make anew what a later graph gets?  The oracle is the run without guards."""

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import Policy, Result


class Lazy(nn.Module):
    """What the first call makes is kept."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.linspace(1, 2, 4))
        self.table = None

    def made(self, x):
        raise NotImplementedError

    def forward(self, x):
        if self.table is None:
            self.table = self.made(x)
        return x * self.table


class OfConstants(Lazy):
    def made(self, x):
        return 1.0 / 100 ** (torch.arange(4) / 4)


class OfWeights(Lazy):
    def made(self, x):
        return (self.weight * 2).cos()


class OfTheArgument(Lazy):
    def made(self, x):
        return x.exp()


class OfACounter(Lazy):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def made(self, x):
        return self.calls + torch.ones(4)

    def forward(self, x):
        out = super().forward(x)
        self.calls.add_(1)
        return out


class Swaps(nn.Module):
    def forward(self, x, swapped=False):
        one, other = x * 2, x + 5
        return (other, one) if swapped else (one, other)


class Selects(nn.Module):
    def forward(self, x, swapped=False):
        one, other = x * 2, x + 5
        return other - one if swapped else one + other


@pytest.mark.parametrize(
    ("model", "recomputes"),
    [
        (OfConstants, True),
        (OfWeights, True),
        (OfTheArgument, False),
        (OfACounter, False),
        (Swaps, False),
        (Selects, False),
    ],
)
def test_a_graph_that_merely_makes_a_table_anew_is_right_without_guards(model, recomputes):
    flags = {} if issubclass(model, Lazy) else {"swapped": True}
    case = Case(
        build=lambda: model().eval(),
        profile=lambda: ((torch.ones(4),), {}),
        serving=lambda: {"second": ((torch.full((4,), 3.0),), flags)},
        context=lambda name: torch.no_grad(),
        target="lazy",
    )

    report = analyze_case(case, Settings(policies=None))

    _, second = report.scenarios
    (dropped,) = [one.result for one in second.outcomes if one.policy is Policy.DROP]
    assert (second.graph.same, second.graph.recomputes) == (False, recomputes)
    assert dropped is (Result.SAME if recomputes else Result.SILENT_WRONG)
