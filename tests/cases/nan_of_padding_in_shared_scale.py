"""A padded request of length 0 makes NaN, and the scale that all rows share carries it into the real ones."""

import torch
import torch.nn as nn


class Pool(nn.Module):
    def forward(self, x, lengths):
        valid = torch.arange(x.shape[1]) < lengths[:, None]
        mean = (x * valid).sum(-1) / valid.sum(-1)
        return mean / mean.abs().amax()


def build():
    return Pool().eval()


def observe(model, out):
    return out[:1]


def call(*lengths):
    return (torch.arange(8.0).view(2, 4) + 1, torch.tensor(lengths)), {}


def profile():
    return call(4, 4)


def serving():
    return {"full": call(3, 2), "padded": call(3, 0), "full again": call(2, 4)}


INDEPENDENT = True
EXPECTED = {
    "class": "non-finite",
    "flags": {"full": [], "padded": ["non-finite"]},
    "silent_wrong": False,
    "recompiles": 0,
}
