"""The mask of a padded batch is built on the CPU and given to attention as it is; positions of a video are computed
with numpy, and nobody moves them."""

import numpy as np
import torch
import torch.nn as nn

DEVICE = "cuda"


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(8, 24, device=DEVICE)

    def forward(self, x, lengths=None, frames=None):
        if frames is not None:
            times = torch.from_numpy(np.repeat(np.arange(len(frames)), frames).astype(np.float32))
            x = x + times.unsqueeze(-1)
        q, k, v = self.qkv(x).chunk(3, -1)
        mask = None
        if lengths is not None:
            mask = torch.arange(x.shape[1]) < torch.tensor(lengths).unsqueeze(-1)
            mask = mask[:, None, :].expand(-1, x.shape[1], -1)
        return nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def build():
    return Attention().eval()


def call(**more):
    return (torch.ones(2, 3, 8, device=DEVICE),), more


def profile():
    return call()


def serving():
    return {"full": call(), "padded": call(lengths=[3, 2]), "video": call(frames=[1, 2])}


INDEPENDENT = True


EXPECTED = {
    "class": "device-mismatch",
    "flags": {"full": [], "padded": ["device-mismatch"], "video": ["device-mismatch"]},
    "silent_wrong": False,
    "recompiles": None,
    "eager_error": True,
}
