"""A region inside of another one is compiled with it, and an encoder when serving first needs it."""

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Linear(8, 8)

    def forward(self, x):
        return torch.relu(self.proj(x))


class Encoder(nn.Module):
    def forward(self, x):
        return torch.sigmoid(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.text, self.vision = Block(), Encoder()

    def forward(self, x, image=None):
        y = self.text(x)
        return y if image is None else y + self.vision(image)


def build():
    return Net().eval()


def regions(model):
    return [model.text, model.text.proj, model.vision]


def profile():
    return (torch.ones(2, 8),), {}


def serving():
    return {"text": ((torch.zeros(2, 8),), {}), "image": ((torch.ones(2, 8), torch.ones(2, 8)), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": None}
