"""New weights in the memory of the old ones: a captured graph reads them."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3), requires_grad=False)

    def forward(self, x):
        return x @ self.weight


def build():
    return Net().eval()


def before(model, name):
    if name == "copied":
        model.weight.copy_(torch.eye(3) * 2)
    if name == "through_data":
        model.weight.data.copy_(torch.eye(3) * 3)
    if name == "loaded":
        model.load_state_dict({"weight": torch.eye(3) * 4})
    if name == "stepped":
        model.weight.grad = torch.ones(3, 3)
        torch.optim.SGD([model.weight], lr=0.5).step()
        model.weight.grad = None
    if name == "on_the_same_device":
        model.to("cpu")


def profile():
    return (torch.ones(2, 3),), {}


NAMES = ("copied", "through_data", "loaded", "stepped", "on_the_same_device")


def serving():
    return {name: ((torch.ones(2, 3),), {}) for name in NAMES}


CUDA_GRAPH = True
EXPECTED = {
    "class": "control",
    "flags": {},
    "outcomes": {name: {"cuda-graph": "same"} for name in NAMES},
    "silent_wrong": False,
    "recompiles": 0,
}
