"""The same with functools.lru_cache at module level, keyed by an id that clients reuse: the answer of another
request."""

import functools

import torch
import torch.nn as nn

PROMPTS = {}


@functools.cache
def prefix(request_id):
    return PROMPTS[request_id].cumsum(0)


class Net(nn.Module):
    def forward(self, x):
        return x * 2


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = Net()

    def forward(self, request_id, prompt):
        PROMPTS[request_id] = prompt
        return self.net(prefix(request_id))


def build():
    return Runner().eval()


def regions(model):
    return [model.net]


def profile():
    return ("warm-up", torch.ones(3)), {}


def serving():
    return {
        "first": (("a", torch.ones(3)), {}),
        "reused_id": (("a", torch.full((3,), 7.0)), {}),
        "other_id": (("b", torch.full((3,), 2.0)), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "stale-state",
    "flags": {"first": [], "reused_id": ["stale-state"], "other_id": []},
    "silent_wrong": False,
    "recompiles": 0,
}
