"""What stands in front of the model reads values of the device while it makes inputs; the model reads none."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Merge(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, positions, rows):
        return self.layer(x.index_copy(0, positions, rows))


def build():
    model = Merge().to(DEVICE).eval()
    assert model.layer.weight.abs().max() < 1  # a check of what was built
    return model


def call(images):
    mask = torch.zeros(12, dtype=torch.bool, device=DEVICE)
    mask[images : 2 * images] = True
    positions = mask.nonzero().flatten()
    rows = torch.ones(int(mask.sum()), 4, device=DEVICE)
    return (torch.zeros(12, 4, device=DEVICE), positions, rows), {}


def profile():
    return call(4)


def serving():
    return {"same": call(4), "fewer": call(3)}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[1], 0)
    torch._dynamo.mark_dynamic(args[2], 0)


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
