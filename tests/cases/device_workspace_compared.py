"""A workspace is made anew whenever its device is not the configured one, and it never is: cuda:0 is not cuda.
Nothing fails, every image step allocates."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.device = torch.device(DEVICE)
        self.workspace = torch.zeros(8, 4, device=DEVICE)

    def forward(self, x, routed=False):
        h = self.linear(x)
        if routed:
            if self.workspace.device != self.device:
                self.workspace = torch.zeros(8, 4, device=self.device)
            h = h + self.workspace[: x.shape[0]]
        return h


def build():
    return Experts().eval()


def regions(model):
    return [model.linear]


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"dense": ((x(),), {}), "routed": ((x(), True), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "device-mismatch",
    "flags": {"dense": [], "routed": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "lines": {"routed": "if self.workspace.device != self.device:"},
}
