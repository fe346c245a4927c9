"""Micro-batches on rows of one static buffer, each captured on its own rows: a replay has nothing to copy, and copying
the second half's rows onto those of the first would destroy them.  Nothing is wrong here."""

import torch
import torch.nn as nn


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Tanh())
        self.rows = torch.zeros(8, 4)

    def forward(self, x, *splits):
        self.rows.copy_(x)
        out = []
        for parts in splits:
            for rows in self.rows.chunk(parts):
                torch._dynamo.mark_dynamic(rows, 0)
                out.append(self.block(rows).clone())
        return torch.cat(out), self.rows.clone()


def build():
    return Runner().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model.block]


def profile():
    return (torch.ones(8, 4), 1, 2), {}


def serving():
    x = torch.arange(32.0).view(8, 4)
    return {"whole": ((x, 1), {}), "halves": ((x, 2), {}), "whole_again": ((x, 1), {})}


CUDA_GRAPH = True
INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
