"""The mask of a padded batch is built on the CPU and given to attention as it is."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(8, 24, device=DEVICE)

    def forward(self, x, lengths=None):
        q, k, v = self.qkv(x).chunk(3, -1)
        mask = None
        if lengths is not None:
            mask = torch.arange(x.shape[1]) < torch.tensor(lengths).unsqueeze(-1)
            mask = mask[:, None, :].expand(-1, x.shape[1], -1)
        return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def build():
    return Attention().eval()


def x():
    return torch.ones(2, 3, 8, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    return {"full": ((x(),), {}), "padded": ((x(), [3, 2]), {})}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"full": [], "padded": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
}
