"""A branch on the values of a tensor in a model that is compiled with fullgraph=True: the warm-up itself raises.
Without it the branch breaks the graph, and every call is right."""

import torch
import torch.nn as nn

COMPILE = {"fullgraph": True}


class Clip(nn.Module):
    def forward(self, x, limits):
        if limits["largest"] > 2:
            x = x.clamp(max=2)
        return x * 2


def build():
    return Clip().eval()


def call(largest):
    return (torch.linspace(0, 4, 8), {"largest": torch.tensor(largest)}), {}


def profile():
    return call(1.0)


def serving():
    return {"small": call(0.5), "large": call(3.0)}


EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break"], "small": ["graph-break"], "large": ["graph-break"]},
    "also": ["host-sync"],
    "outcomes": {
        "profile": {"recompile": "raises", "drop": "raises"},
        "small": {"recompile": "same", "drop": "same"},
        "large": {"recompile": "same"},
    },
    "silent_scenarios": [],
    "recompiles": None,
}
