"""Loading a checkpoint leaves the process with another default dtype than the warm-up had.  Dynamo guards it;
with inductor and without guards the zeros of the graph keep the dtype of the warm-up."""

import torch
import torch.nn as nn


class Pad(nn.Module):
    def forward(self, x):
        return torch.cat([x.sum(0, keepdim=True).to(torch.get_default_dtype()), torch.zeros(1, 3)])


def build():
    return Pad().eval()


def before(model, name):
    torch.set_default_dtype(torch.bfloat16 if name == "bf16" else torch.float32)


def profile():
    return (torch.ones(2, 3, dtype=torch.float32),), {}


def serving():
    return {
        "fp32": ((torch.ones(2, 3, dtype=torch.float32),), {}),
        "bf16": ((torch.ones(2, 3, dtype=torch.float32),), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "also": ["dtype"],
    "flags": {"fp32": [], "bf16": ["global-state"]},
    "silent_wrong": True,
    "silent_scenarios": ["bf16"],
    "recompiles": 1,
}
