"""A model that is analysed in training mode, and whose modules then do another thing than when it is served."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.engine.training import remark
from steadygraph.model import Policy

ADVICE = "call model.eval() in build(), if it is served in evaluation mode"
TOLD = f"the profile call runs in training mode, with dropout (1): {ADVICE}"


def case(**other):
    calls = {
        "build": lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5)),
        "profile": lambda: ((torch.ones(1, 2),), {}),
    }
    return Case(**calls, serving=lambda: {"a": ((torch.ones(1, 2),), {})}, **other)


def notes(case):
    return analyze_case(case, Settings(policies=(Policy.RECOMPILE,))).notes


def test_a_model_in_training_mode_is_told_after_what_its_file_says():
    assert notes(dataclasses.replace(case(), remarks=("case.py:1 is odd",))) == ("case.py:1 is odd", TOLD)


@pytest.mark.parametrize(
    "other",
    [
        {"before": lambda model, name: model.eval()},
        {"observe": lambda model, out: out.sum(), "backward": True},
    ],
    ids=["eval() before the call", "a training step"],
)
def test_a_mode_that_is_meant_is_not_told(other):
    assert notes(case(**other)) == ()


@pytest.mark.parametrize(
    ("model", "active"),
    [
        (nn.Dropout(0.1), "dropout (Dropout)"),
        (
            nn.Sequential(nn.BatchNorm2d(3), nn.AlphaDropout(0.1), nn.Dropout1d()),
            "dropout (1 and 1 more) and batch norm (0)",
        ),
        (nn.Sequential(nn.Linear(2, 2), nn.SyncBatchNorm(2)), "batch norm (1)"),
    ],
)
def test_modules_that_depend_on_the_mode_are_named(model, active):
    assert remark(model) == f"the profile call runs in training mode, with {active}: {ADVICE}"
    assert remark(model.eval()) is None


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(2, 2),
        nn.Dropout(0.0),
        nn.BatchNorm1d(2, track_running_stats=False),
        nn.Sequential(nn.Dropout(0.1).eval()),
        nn.LayerNorm(2),
    ],
)
def test_a_mode_that_changes_nothing_is_not_told(model):
    inputs = torch.ones(2, 2)

    assert remark(model) is None
    assert torch.equal(model(inputs), model.eval()(inputs))
