"""An int on a plain object takes ten values.  Each is a compilation until the limit; from then on the module runs
uncompiled without a word."""

import torch
import torch.nn as nn


class Schedule:
    step = 0


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.schedule = Schedule()
        self.schedule.step = 10

    def forward(self, x):
        return x * self.schedule.step


def build():
    return Net().eval()


NAMES = [f"step{i}" for i in range(11, 21)]


def before(model, name):
    model.schedule.step = 10 if name == "profile" else int(name.removeprefix("step"))


def profile():
    return (torch.ones(3),), {}


def serving():
    return {name: ((torch.ones(3),), {}) for name in NAMES}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "also": ["recompile-storm", "graph-break", "module-attribute"],
    "flags": {name: ["specialization-int"] for name in NAMES},
    "silent_wrong": True,
    "silent_scenarios": NAMES,
    "recompiles": 8,
}
