"""With dynamic=True an int is an input of the compiled graph, and dropping guards does no harm.  A captured CUDA
graph has it in the arguments of its kernels.
https://github.com/pytorch/torchtitan/pull/3893"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, n):
        return x * n + 1


def build():
    return Net().eval()


COMPILE = {"dynamic": True}


def profile():
    return (torch.ones(3, 4), 4), {}


def serving():
    return {"same": ((torch.zeros(3, 4), 4), {}), "other": ((torch.ones(3, 4) / 2, 7), {})}


CUDA_GRAPH = True


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "also": ["graph-capture"],
    "flags": {"same": [], "other": ["specialization-int"]},
    "silent_wrong": False,
    "recompiles": 0,
}
