"""With dynamic=True an int argument is symbolic from the first call on."""

import torch
import torch.nn as nn


class Window(nn.Module):
    def forward(self, x, window):
        return x * (torch.arange(8) < window)


def build():
    return Window().eval()


COMPILE = {"dynamic": True}


def profile():
    return (torch.ones(8), 4), {}


def serving():
    return {f"window{n}": ((torch.ones(8), n), {}) for n in (4, 7, 2)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
