"""A custom operator reads a module-level setting when it runs.  It is opaque to the compiler, so that no graph
depends on the setting and every run sees it."""

import torch
import torch.nn as nn

STATE = {"scale": 1.0}


@torch.library.custom_op("redteam::scaled", mutates_args=())
def scaled(x: torch.Tensor) -> torch.Tensor:
    return x * STATE["scale"]


@scaled.register_fake
def _(x):
    return torch.empty_like(x)


class Net(nn.Module):
    def forward(self, x):
        return scaled(x) + 1


def build():
    return Net().eval()


def before(model, name):
    STATE["scale"] = 3.0 if name == "adapter" else 1.0


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"same": ((torch.zeros(3, 4),), {}), "adapter": ((torch.ones(3, 4) / 2,), {})}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
