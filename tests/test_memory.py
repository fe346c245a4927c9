"""What was analysed is let go: many models are analysed in one process."""

import gc
import weakref

import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)

    def forward(self, x):
        x = self.inner(x)
        torch._dynamo.graph_break()
        return x * x.shape[0]


def test_a_model_is_freed_after_its_analysis():
    built = []

    def build():
        model = Broken()
        built.append(weakref.ref(model))
        return model

    case = Case(
        build=build,
        profile=lambda: ((torch.ones(3, 4),), {}),
        serving=lambda: {"other": ((torch.ones(5, 4),), {}), "like profile": ((torch.ones(3, 4),), {})},
    )

    report = analyze_case(case, Settings(policies=None))
    gc.collect()

    assert report.findings != ()
    assert [ref() for ref in built] == [None]
