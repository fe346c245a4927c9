"""A mean counts padding in eager mode already, and the warm-up call has none: only a reference shows it."""

import torch
import torch.nn as nn


class Pool(nn.Module):
    def forward(self, x, lengths):
        return x.mean(1)


def reference(model, args, kwargs):
    x, lengths = args
    return torch.stack([row[:length].mean() for row, length in zip(x, lengths.tolist(), strict=True)])


def build():
    return Pool().eval()


def call(*lengths):
    x = torch.arange(8.0).view(2, 4) + 1
    return (x * (torch.arange(4) < torch.tensor(lengths)[:, None]), torch.tensor(lengths)), {}


def profile():
    return call(4, 4)


def serving():
    return {"full": call(4, 4), "padded": call(4, 2)}


CUDA_GRAPH = True
EXPECTED = {
    "class": "padded-vs-valid",
    "flags": {"full": [], "padded": ["serving-error"]},
    "silent_scenarios": ["padded"],
    "outcomes": {"padded": {"recompile": "silent-wrong", "cuda-graph": "silent-wrong"}, "full": {"drop": "same"}},
    "recompiles": 0,
}
