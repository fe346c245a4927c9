"""One request runs with TF32 allowed.  Dynamo guards the precision switches."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x @ x.t()


def build():
    return Net().eval()


def before(model, name):
    torch.set_float32_matmul_precision("high" if name == "tf32" else "highest")


def profile():
    return (torch.ones(3, 5),), {}


def serving():
    return {"same": ((torch.zeros(3, 5),), {}), "tf32": ((torch.ones(3, 5),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"same": [], "tf32": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
