"""The experts that are hit are found with nonzero().tolist(), in every call: a break of the graph and a wait for
the device per layer and step.
https://github.com/huggingface/transformers/pull/38133"""

import torch
import torch.nn as nn

EXPERTS = 3


class Moe(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, EXPERTS)
        self.experts = nn.ModuleList(nn.Linear(4, 4) for _ in range(EXPERTS))

    def forward(self, x):
        chosen = self.gate(x).argmax(-1)
        out = torch.zeros_like(x)
        hit = torch.nn.functional.one_hot(chosen, EXPERTS).sum(0).nonzero().flatten().tolist()
        for index in hit:
            out = out + self.experts[index](x) * (chosen == index).unsqueeze(-1)
        return out


def build():
    return Moe().eval()


def context(name):
    return torch.no_grad()


def tokens(seed):
    return torch.randn(6, 4, generator=torch.Generator().manual_seed(seed))


def profile():
    return (tokens(0),), {}


def serving():
    return {"again": ((tokens(0),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break", "host-sync"], "again": ["graph-break", "host-sync"]},
    "silent_wrong": False,
    "recompiles": 0,
}
