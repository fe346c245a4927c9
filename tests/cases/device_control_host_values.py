"""What may stay on the CPU: a mask, a number, lengths that the host needs, an index until it is copied without waiting.

Nothing is wrong here.
"""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Pool(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4, device=DEVICE)
        self.scale = torch.tensor(0.5)

    def forward(self, x, rows, keep):
        h = self.linear(x) * self.scale
        return h[rows.to(h.device, non_blocking=True)] + h[keep].sum(0)


def build():
    return Pool().eval()


def regions(model):
    return [model.linear]


def call(rows, keep, seed):
    lengths = torch.tensor([3, 5])
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        x = torch.randn(sum(lengths.tolist()), 4, generator=torch.Generator(DEVICE).manual_seed(seed), device=DEVICE)
    torch.cuda.current_stream().wait_stream(stream)
    return (x, torch.tensor(rows).pin_memory(), torch.tensor(keep)), {}


def profile():
    return call([0, 1], [True] * 8, 0)


def serving():
    return {"other": call([2, 7], [True, False] * 4, 1)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
