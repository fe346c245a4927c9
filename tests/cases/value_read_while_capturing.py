"""The region asks a tensor for its value: the host waits for the stream that is being captured, and the capture fails.
https://github.com/vllm-project/vllm/issues/22758"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("scale", torch.ones(()))

    def forward(self, x):
        if self.scale.item() != 1.0:
            raise ValueError("the scale must be 1")
        return x * 2


def build():
    return Net().eval()


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {"step": ((torch.zeros(2, 3),), {})}


CUDA_GRAPH = True
EXPECTED = {
    "class": "host-sync",
    "also": ["graph-break"],
    "flags": {"profile": ["host-sync"], "step": ["host-sync"]},
    "outcomes": {
        "profile": {"cuda-graph": "raises", "recompile": "same", "drop": "same"},
        "step": {"cuda-graph": "raises", "recompile": "same", "drop": "same"},
    },
    "silent_wrong": False,
    "recompiles": 0,
}
