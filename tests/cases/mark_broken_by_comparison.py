"""The number of rows is marked as dynamic, as an engine does for its batch, and a fast path for just the batch of the
warm-up makes it a constant: torch.compile raises ConstraintViolationError in the warm-up.  Without the promise, another
batch is another compilation, and the wrong path once guards are dropped."""

import torch
import torch.nn as nn


class Rows(nn.Module):
    def forward(self, x):
        if x.shape[0] == 4:
            return x + 1
        return x * 3


def build():
    return Rows().eval()


def call(rows):
    return (torch.linspace(0.1, 1, 8 * rows).reshape(rows, 8),), {}


def profile():
    return call(4)


def serving():
    return {"same": call(4), "more": call(5)}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


EXPECTED = {
    "class": "specialization-shape",
    "flags": {"profile": ["specialization-shape"], "same": [], "more": ["specialization-shape"]},
    "outcomes": {
        "profile": {"recompile": "raises", "drop": "raises"},
        "same": {"recompile": "same", "drop": "same"},
        "more": {"recompile": "recompiles", "drop": "silent-wrong"},
    },
    "silent_scenarios": ["more"],
    "recompiles": None,
}
