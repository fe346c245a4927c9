"""The text adapter is materialised by the first image request; a text request that comes first finds it on meta."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Adapter(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4, device=DEVICE)
        self.text = nn.Linear(4, 4, device="meta")

    def forward(self, x, kind="dummy"):
        h = self.body(x)
        if kind == "image":
            self.text.to_empty(device=x.device)
        return h if kind == "dummy" else self.text(h)


def build():
    return Adapter().eval()


def regions(model):
    return [model.body]


def x():
    return torch.ones(2, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"dummy": ((x(),), {}), "text": ((x(), "text"), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "device-mismatch",
    "flags": {"dummy": [], "text": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"text": 'self.text = nn.Linear(4, 4, device="meta")'},
}
