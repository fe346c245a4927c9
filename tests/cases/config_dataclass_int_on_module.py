"""A configuration object on the module has an int and a string that someone changes between requests."""

import dataclasses

import torch
import torch.nn as nn


@dataclasses.dataclass
class Config:
    window: int = 4
    kind: str = "sliding"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.config = Config()

    def forward(self, x):
        if self.config.kind == "full":
            return x * 2
        return x * (torch.arange(8) < self.config.window)


def build():
    return Net().eval()


def before(model, name):
    model.config.window = 6 if name == "wider" else 4
    model.config.kind = "full" if name == "full" else "sliding"


def profile():
    return (torch.ones(8),), {}


def serving():
    return {name: ((torch.ones(8),), {}) for name in ("same", "wider", "full")}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "also": ["module-attribute"],
    "flags": {"same": [], "wider": ["specialization-int"], "full": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["wider", "full"],
    "recompiles": 2,
}
