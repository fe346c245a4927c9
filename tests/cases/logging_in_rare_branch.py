"""A warning is logged for odd requests only.  A logger cannot be traced: the graph breaks, where warm-up had one
graph."""

import logging

import torch
import torch.nn as nn

LOGGER = logging.getLogger(__name__)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x, verbose=False):
        x = self.lin(x)
        if verbose:
            LOGGER.debug("odd request of %s rows", x.shape[0])
        return torch.relu(x)


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {"quiet": ((torch.zeros(2, 4),), {}), "verbose": ((torch.ones(2, 4),), {"verbose": True})}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {"quiet": [], "verbose": ["graph-break", "input-structure"]},
    "silent_wrong": False,
    "recompiles": 1,
}
