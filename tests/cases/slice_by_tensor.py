"""A slice ends at a 0-d tensor.  Dynamo cannot trace that and gives up on the whole forward."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, table, n):
        return table[:n].sum(0) * 2


def build():
    return Net().eval()


def profile():
    return (torch.arange(12.0).reshape(6, 2), torch.tensor(3)), {}


def serving():
    return {
        "same": ((torch.arange(12.0).reshape(6, 2), torch.tensor(3)), {}),
        "other": ((torch.arange(12.0).reshape(6, 2), torch.tensor(5)), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {
        "profile": ["graph-break", "host-sync"],
        "same": ["graph-break", "host-sync"],
        "other": ["graph-break", "host-sync"],
    },
    "silent_wrong": False,
    "recompiles": 0,
}
