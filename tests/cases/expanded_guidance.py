"""`guidance.expand(batch)` has stride 0 where the warm-up had a tensor with memory of its own.  PyTorch issue
160271.
https://github.com/pytorch/pytorch/issues/160271"""

import torch
import torch.nn as nn


class Embed(nn.Module):
    def forward(self, x, guidance):
        return x + guidance.unsqueeze(-1)


def build():
    return Embed().eval()


def profile():
    return (torch.ones(4, 3), torch.full((4,), 3.5)), {}


def serving():
    return {
        "own": ((torch.ones(4, 3), torch.full((4,), 2.0)), {}),
        "expanded": ((torch.ones(4, 3), torch.full((1,), 2.0).expand(4)), {}),
    }


INDEPENDENT = True
EXPECTED = {"class": "stride", "flags": {"own": [], "expanded": ["stride"]}, "silent_wrong": False, "recompiles": 1}
