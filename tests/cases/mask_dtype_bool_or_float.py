"""An attention mask is bool at warm-up, additive for one client, and absent for another."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, mask):
        return torch.nn.functional.scaled_dot_product_attention(x, x, x, attn_mask=mask)


def build():
    return Net().eval()


def rows(s):
    return torch.randn(1, 4, 8, generator=torch.Generator().manual_seed(s))


def profile():
    return (rows(0), torch.ones(4, 4, dtype=torch.bool)), {}


def serving():
    return {
        "bool": ((rows(1), torch.eye(4, dtype=torch.bool)), {}),
        "additive": ((rows(2), torch.eye(4) - 1), {}),
        "causal": ((rows(1), None), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "dtype",
    "flags": {"bool": [], "additive": ["dtype"], "causal": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["additive"],
    "recompiles": 2,
}
