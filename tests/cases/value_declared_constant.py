"""A helper is declared constant for the compiler although a setting changes what it returns.  Nothing is guarded:
stock torch.compile is wrong as well."""

import torch
import torch.nn as nn

SETTINGS = {"cap": 30.0}


@torch.compiler.assume_constant_result
def cap():
    return SETTINGS["cap"]


class Net(nn.Module):
    def forward(self, logits):
        return torch.tanh(logits / cap()) * cap()


def build():
    return Net().eval()


def before(model, name):
    SETTINGS["cap"] = 5.0 if name == "tight" else 30.0


def profile():
    return (torch.linspace(-40, 40, 5),), {}


def serving():
    return {"usual": ((torch.linspace(-9, 9, 5),), {}), "tight": ((torch.linspace(-40, 40, 5),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "missing-guard",
    "flags": {"usual": [], "tight": ["missing-guard"]},
    "silent_wrong": True,
    "silent_scenarios": ["tight"],
    "recompiles": 0,
}
