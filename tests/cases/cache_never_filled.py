"""The prompt fills a cache, which warm-up never did: dropped guards lose the write.  The step after it reads what
was not written; by itself it is right, and the defect counts once."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(3))

    def forward(self, x, prompt=False):
        if prompt:
            self.cache.copy_(x)
        return x + self.cache


def build():
    return Net().eval()


def before(model, name):
    if name == "other_step":
        model.cache.zero_()


def profile():
    return (torch.ones(3),), {}


def serving():
    x = torch.ones(3)
    return {"prompt": ((x, True), {}), "step": ((x,), {}), "other_step": ((x,), {})}


EXPECTED = {
    "class": "input-structure",
    "also": ["specialization-int"],
    "flags": {"prompt": ["input-structure"], "step": [], "other_step": []},
    "outcomes": {
        "prompt": {"drop": "silent-wrong"},
        "step": {"drop": "silent-wrong", "recompile": "same"},
        "other_step": {"drop": "same"},
    },
    "silent_wrong": True,
    "silent_scenarios": ["prompt", "step"],
    "recompiles": 1,
}
