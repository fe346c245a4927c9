"""A loop over the experts that were hit, which nonzero finds on the device: the host waits for each of them, and the
graph breaks.
https://github.com/huggingface/transformers/pull/38133"""

import torch
import torch.nn as nn

DEVICE = "cuda"
EXPERTS = 4


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(8, EXPERTS)
        self.weights = nn.Parameter(torch.randn(EXPERTS, 8, 8))

    def forward(self, x):
        chosen = nn.functional.one_hot(self.gate(x).topk(2).indices, EXPERTS + 1).permute(2, 1, 0)
        out = torch.zeros_like(x)
        for row in chosen.sum((1, 2)).nonzero():
            expert = row[0]
            if expert == EXPERTS:
                continue
            _, token = torch.where(chosen[expert])
            out.index_add_(0, token, x[token] @ self.weights[expert])
        return out


def build():
    torch.manual_seed(0)
    return Experts().to(DEVICE).eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(6, 8, device=DEVICE),), {}


def serving():
    return {"again": profile()}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"profile": ["graph-break", "host-sync"], "again": ["graph-break", "host-sync"]},
    "silent_wrong": False,
    "recompiles": 0,
}
