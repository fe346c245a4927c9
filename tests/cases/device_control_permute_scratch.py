"""A mixture-of-experts layer around the scratch of ``steadygraph.reference``, configured for ``cuda``.  Nothing is
wrong here: what is compared are devices of tensors, and nothing is allocated again."""

import torch
import torch.nn as nn

from steadygraph.reference.moe import PermuteScratch

DEVICE = "cuda"
HIDDEN, EXPERTS, TOPK = 8, 4, 2


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.router = nn.Linear(HIDDEN, EXPERTS)
        self.experts = nn.Parameter(torch.randn(EXPERTS, HIDDEN, HIDDEN))
        self.scratch = PermuteScratch(16, TOPK, HIDDEN, EXPERTS, dtype=torch.float32, device=DEVICE)

    def forward(self, x):
        weights, ids = self.router(x).softmax(-1).topk(TOPK, dim=-1)
        permuted = self.scratch.permute(x, ids)
        row = torch.arange(permuted.rows.shape[0], device=x.device, dtype=torch.int32)
        expert = torch.bucketize(row, permuted.expert_offsets[1:], right=True)
        made = torch.bmm(permuted.rows.unsqueeze(1), self.experts[expert]).squeeze(1)
        return x + self.scratch.unpermute(made, permuted.positions, weights)


def build():
    return Layer().to(DEVICE).eval()


def context(name):
    return torch.no_grad()


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


def call(n):
    return (torch.randn(n, HIDDEN, generator=torch.Generator().manual_seed(n)).to(DEVICE),), {}


def profile():
    return call(16)


def serving():
    return {f"n{n}": call(n) for n in (16, 5, 9)}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
