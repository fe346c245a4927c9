"""vLLM keeps the attention metadata of the running step in a module-level forward context.  Warm-up sets none, so
that the graph of the warm-up leaves attention out."""

import contextlib

import torch
import torch.nn as nn

CONTEXT = None


def get_forward_context():
    return CONTEXT


class Attention(nn.Module):
    def forward(self, x):
        metadata = get_forward_context()
        if metadata is None:
            return torch.zeros_like(x)
        return x * metadata["weights"].unsqueeze(-1)


def build():
    return Attention().eval()


@contextlib.contextmanager
def context(name):
    global CONTEXT
    CONTEXT = None if name in ("profile", "dummy") else {"weights": torch.arange(3.0)}
    try:
        yield
    finally:
        CONTEXT = None


def profile():
    return (torch.ones(3, 2),), {}


def serving():
    return {"dummy": ((torch.ones(3, 2),), {}), "request": ((torch.ones(3, 2),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "also": ["input-structure"],
    "flags": {"dummy": [], "request": ["global-state"]},
    "silent_wrong": True,
    "silent_scenarios": ["request"],
    "recompiles": 1,
}
