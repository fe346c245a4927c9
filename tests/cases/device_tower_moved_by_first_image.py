"""The vision tower is moved to the device by the first image request; a video request that comes first skips that
step and finds its weights on the CPU."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = nn.Linear(4, 4, device=DEVICE)
        self.vision = nn.Linear(4, 4)
        self.ready = False

    def embed(self, pixels, kind):
        if kind == "image" and not self.ready:
            self.vision.to(pixels.device, non_blocking=True)
            self.ready = True
        return self.vision(pixels)

    def forward(self, x, pixels=None, kind="image"):
        h = self.text(x)
        return h if pixels is None else h + self.embed(pixels, kind)


def build():
    return Tower().eval()


def regions(model):
    return [model.text]


def x():
    return torch.ones(2, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {
        "text": ((x(),), {}),
        "video": ((x(), x(), "video"), {}),
        "image": ((x(), x()), {}),
        "later": ((x(), x(), "video"), {}),
    }


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"text": [], "video": ["device-mismatch"], "image": [], "later": []},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
    "lines": {"video": "self.vision = nn.Linear(4, 4)"},
}
