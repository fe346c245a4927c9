"""Weights are where the step that would move them left them: a head is offloaded to the CPU while the server is idle,
and requests with a cached prefix skip the wake-up; an adapter is materialised by the first image request, and a text
request that comes first finds it on meta."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Sleeping(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4, device=DEVICE)
        self.head = nn.Linear(4, 4, device=DEVICE)
        self.text = nn.Linear(4, 4, device="meta")

    def sleep(self):
        self.head.cpu()

    def wake_up(self, device):
        self.head.to(device, non_blocking=True)

    def forward(self, x, cached=False, kind="dummy"):
        h = self.body(x)
        if not cached:
            self.wake_up(x.device)
        if kind == "image":
            self.text.to_empty(device=x.device)
        return self.head(h) if kind == "dummy" else self.text(h)


def build():
    return Sleeping().eval()


def before(model, name):
    if name != "profile":
        model.sleep()


def regions(model):
    return [model.body]


def call(*more):
    return (torch.ones(2, 4, device=DEVICE), *more), {}


def profile():
    return call()


def serving():
    return {"first": call(), "cached": call(True), "text": call(False, "text")}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"first": [], "cached": ["device-mismatch"], "text": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"cached": "self.head.cpu()", "text": 'self.text = nn.Linear(4, 4, device="meta")'},
}
