"""Compiled with dynamic=True; at warm-up as many queries as keys.  Both sizes share one symbol, so the first
request with a cache (more keys than queries) violates their equality, and without guards one of the two means
divides by the size of the other."""

import torch
import torch.nn as nn


class Attention(nn.Module):
    def forward(self, q, k):
        scores = (q @ k.t()).sum() / k.shape[0]
        return scores * (q.sum(0) / q.shape[0])


def build():
    return Attention().eval()


COMPILE = {"dynamic": True}


def call(n, m):
    return (torch.ones(n, 5), torch.ones(m, 5)), {}


def profile():
    return call(8, 8)


def serving():
    return {"prefill": call(12, 12), "cached": call(3, 9)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-duck",
    "flags": {"prefill": [], "cached": ["specialization-duck"]},
    "silent_wrong": True,
    "silent_scenarios": ["cached"],
    "recompiles": 1,
}
