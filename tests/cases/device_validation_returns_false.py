"""A validator compares devices and returns a bool; the caller raises."""

import torch
import torch.nn as nn

DEVICE = "cuda"


def fits(x, device):
    return x.device == device


class Router(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 2, device=DEVICE)
        self.device = torch.device(DEVICE)

    def forward(self, x, top_k=0):
        if not top_k:
            return self.gate(x)
        if not fits(x, self.device):
            raise ValueError(f"hidden states are on {x.device}, scratch is on {self.device}")
        return self.gate(x).topk(top_k).values


def build():
    return Router().eval()


def x():
    return torch.ones(3, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"dense": ((x(),), {}), "routed": ((x(), 1), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "device-mismatch",
    "flags": {"dense": [], "routed": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"routed": "return x.device == device"},
}
