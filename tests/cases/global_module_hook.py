"""A hook on all modules of the process is registered for one request.  Nothing guards against that.
https://github.com/pytorch/pytorch/issues/149502"""

import torch
import torch.nn as nn
from torch.nn.modules.module import register_module_forward_hook

HANDLES = []


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        return self.lin(x) + 1


def build():
    return Net().eval()


def before(model, name):
    while HANDLES:
        HANDLES.pop().remove()
    if name == "hooked":
        HANDLES.append(register_module_forward_hook(lambda m, a, o: o * 3))


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {
        "same": ((torch.zeros(3, 4),), {}),
        "hooked": ((torch.ones(3, 4) / 2,), {}),
        "after": ((torch.ones(3, 4) / 2,), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "missing-guard",
    "flags": {"same": [], "hooked": ["missing-guard"], "after": []},
    "silent_wrong": True,
    "silent_scenarios": ["hooked"],
    "recompiles": 0,
}
