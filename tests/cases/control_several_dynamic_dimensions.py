"""Batch and length are marked dynamic in every input and really vary, also to values that coincide."""

import torch
import torch.nn as nn


class Attention(nn.Module):
    def forward(self, q, k, mask):
        return (q @ k.transpose(1, 2)).masked_fill(~mask.unsqueeze(1), -1e9).softmax(-1) @ k


def build():
    return Attention().eval()


def call(batch, length):
    g = torch.Generator().manual_seed(batch * 10 + length)
    q, k = (torch.randn(batch, length, 4, generator=g) for _ in range(2))
    return (q, k), {"mask": torch.ones(batch, length, dtype=torch.bool)}


def profile():
    return call(4, 9)


def serving():
    return {"small": call(2, 3), "square": call(5, 5), "swapped": call(9, 4), "large": call(3, 31)}


def mark(args, kwargs):
    for tensor in (*args, kwargs["mask"]):
        torch._dynamo.mark_dynamic(tensor, 0)
        torch._dynamo.mark_dynamic(tensor, 1)


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
