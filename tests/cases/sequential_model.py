"""The model is a torch.nn.Sequential; the batch is not marked dynamic."""

import torch
import torch.nn as nn


def build():
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU()).eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"same": ((torch.zeros(2, 4),), {}), "three": ((torch.ones(3, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-shape",
    "flags": {"same": [], "three": ["specialization-shape"]},
    "silent_wrong": False,
    "recompiles": 1,
}
