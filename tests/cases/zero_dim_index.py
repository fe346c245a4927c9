"""A row is picked with a 0-d tensor.  Python turns it into a number: the host waits, and Dynamo guards its
value before torch 2.14."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, table, position):
        return table[position] * 2


def build():
    return Net().eval()


def profile():
    return (torch.arange(12.0).reshape(6, 2), torch.tensor(1)), {}


def serving():
    return {
        "same": ((torch.arange(12.0).reshape(6, 2), torch.tensor(1)), {}),
        "other": ((torch.arange(12.0).reshape(6, 2), torch.tensor(4)), {}),
    }


INDEPENDENT = True
#: torch 2.14 reads it in the graph, without a guard.
GUARDED = torch.__version__ < (2, 14)
EXPECTED = {
    "class": "host-sync",
    "flags": {
        "profile": ["host-sync"],
        "same": ["host-sync"],
        "other": ["host-sync", *(["specialization-int"] if GUARDED else [])],
    },
    "silent_wrong": False,
    "recompiles": int(GUARDED),
}
