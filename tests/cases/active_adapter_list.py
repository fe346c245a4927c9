"""peft keeps the names of the active adapters in a list on the layer.  A request that activates another adapter
is answered with that of the warm-up once guards are dropped."""

import torch
import torch.nn as nn


class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(4, 4)
        self.up = nn.ModuleDict({"code": nn.Linear(4, 4), "chat": nn.Linear(4, 4)})
        self.active = ["code"]

    def forward(self, x):
        out = self.base(x)
        for name in self.active:
            out = out + self.up[name](x)
        return out


def build():
    return Lora().eval()


def before(model, name):
    model.active[:] = {"chat": ["chat"], "both": ["code", "chat"]}.get(name, ["code"])


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {name: ((torch.ones(2, 4),), {}) for name in ("code", "chat", "both", "code_again")}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"code": [], "chat": ["module-attribute"], "both": ["module-attribute"], "code_again": []},
    "silent_wrong": True,
    "silent_scenarios": ["chat", "both"],
    "recompiles": 2,
}
