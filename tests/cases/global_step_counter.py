"""A counter at module level advances in every forward and scales the result.  Each value is a compilation;
without guards the counter of the first step is used for ever."""

import torch
import torch.nn as nn

STEP = 0


class Net(nn.Module):
    def forward(self, x):
        global STEP
        STEP += 1
        return x * STEP


def build():
    global STEP
    STEP = 0
    return Net().eval()


def profile():
    return (torch.ones(4),), {}


def serving():
    return {f"step{i}": ((torch.ones(4),), {}) for i in range(2, 5)}


EXPECTED = {
    "class": "global-state",
    "also": ["stale-state", "specialization-int"],
    "flags": {f"step{i}": ["global-state"] for i in range(2, 5)},
    "silent_wrong": True,
    "silent_scenarios": ["step2", "step3", "step4"],
    "recompiles": 3,
}
