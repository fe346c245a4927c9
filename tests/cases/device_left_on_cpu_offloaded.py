"""Weights are offloaded to the CPU while the server is idle; the wake-up step is skipped for requests with a cached
prefix."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Sleeping(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4, device=DEVICE)
        self.head = nn.Linear(4, 4, device=DEVICE)

    def sleep(self):
        self.head.cpu()

    def wake_up(self, device):
        self.head.to(device, non_blocking=True)

    def forward(self, x, cached=False):
        h = self.body(x)
        if not cached:
            self.wake_up(x.device)
        return self.head(h)


def build():
    return Sleeping().eval()


def before(model, name):
    if name != "profile":
        model.sleep()


def regions(model):
    return [model.body]


def x():
    return torch.ones(2, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"first": ((x(),), {}), "cached": ((x(), True), {})}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"first": [], "cached": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"cached": "self.head.cpu()"},
}
