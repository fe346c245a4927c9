"""Hot-swapping an adapter of another rank (diffusers pull request 9453 pads to the largest).  The rank is a
constant of the graph and divides the result.
https://github.com/huggingface/diffusers/pull/9453"""

import torch
import torch.nn as nn


class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.base = nn.Linear(4, 4)
        self.a, self.b = nn.Parameter(torch.ones(2, 4)), nn.Parameter(torch.ones(4, 2))

    def forward(self, x):
        return self.base(x) + x @ self.a.t() @ self.b.t() / self.a.shape[0]


def build():
    return Lora().eval()


def before(model, name):
    rank = 6 if name == "rank6" else 2
    if model.a.shape[0] != rank:
        model.a, model.b = nn.Parameter(torch.ones(rank, 4)), nn.Parameter(torch.ones(4, rank))


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"rank2": ((torch.zeros(2, 4),), {}), "rank6": ((torch.ones(2, 4) * 2,), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "flags": {"rank2": [], "rank6": ["specialization-shape"]},
    "silent_wrong": True,
    "silent_scenarios": ["rank6"],
    "recompiles": 1,
}
