"""A decoder on the device that does everything right: embedding, attention, a cache that is written in place, a
question about the GPU.  Nothing is wrong here."""

import torch
import torch.nn as nn

DEVICE = "cuda"
HIDDEN, HEADS, CAPACITY = 16, 2, 32


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(HIDDEN)
        self.qkv = nn.Linear(HIDDEN, 3 * HIDDEN)
        self.out = nn.Linear(HIDDEN, HIDDEN)
        self.register_buffer("keys", torch.zeros(CAPACITY, HIDDEN))
        self.register_buffer("values", torch.zeros(CAPACITY, HIDDEN))

    def forward(self, x, positions, mask):
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        self.keys[positions] = k
        self.values[positions] = v
        q, k, v = (t.view(-1, HEADS, HIDDEN // HEADS).transpose(0, 1) for t in (q, self.keys, self.values))
        attended = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return x + self.out(attended.transpose(0, 1).reshape(-1, HIDDEN))


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(64, HIDDEN)
        self.blocks = nn.ModuleList(Block() for _ in range(2))
        self.fast = torch.cuda.get_device_capability() >= (8, 0)

    def forward(self, ids, positions):
        x = self.embedding(ids)
        mask = torch.arange(CAPACITY, device=ids.device) <= positions.unsqueeze(-1)
        for block in self.blocks:
            x = block(x, positions, mask)
        return x.float() if self.fast else x


def build():
    return Decoder().to(DEVICE).eval()


def call(start, seed):
    ids = torch.randint(0, 64, (8,), generator=torch.Generator().manual_seed(seed))
    return (ids.to(DEVICE), torch.arange(start, start + 8, device=DEVICE)), {}


def context(name):
    return torch.inference_mode()


def profile():
    return call(0, 0)


def serving():
    return {"first": call(0, 1), "next": call(8, 2), "last": call(24, 3)}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
