"""Copies from pinned memory, a mask on the CPU, numbers in place of tensors, a table that moves at warm-up: no wait."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, mask):
        x = torch.where(mask.unsqueeze(-1), self.linear(x), 0.0)
        return x.masked_fill(mask.unsqueeze(-1), 1.0) + torch.full((4,), 2.0, device=x.device)


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = Block()
        self.table = {}

    def forward(self, x, rows, keep):
        if "device" not in self.table:
            self.table["device"] = torch.arange(4.0).to(x.device)
        rows = rows.pin_memory().to(x.device, non_blocking=True)
        out = self.block(x[rows], torch.ones(len(rows), dtype=torch.bool, device=x.device))
        out[keep] = 0.0 * self.table["device"]
        return out.to("cpu", non_blocking=True)


def build():
    return Runner().to(DEVICE).eval()


def regions(model):
    return [model.block]


def call(*rows):
    return (torch.ones(6, 4, device=DEVICE), torch.tensor(rows), torch.tensor([True, False, True])), {}


def profile():
    return call(0, 1, 2)


def serving():
    return {"same": call(0, 1, 2), "other": call(5, 4, 0)}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
