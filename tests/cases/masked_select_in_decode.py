"""The finished sequences are cut out of the batch with a bool mask inside of the region: a result of unknown
size, which the graph behind the break then takes for a constant."""

import torch
import torch.nn as nn


class Compact(nn.Module):
    def forward(self, x, alive):
        kept = x[alive]
        return kept.sum(0) * 2


def build():
    return Compact().eval()


def call(*alive):
    return (torch.arange(8.0).reshape(4, 2), torch.tensor(alive)), {}


def profile():
    return call(True, True, True, True)


def serving():
    return {"all": call(True, True, True, True), "some": call(True, False, True, False)}


INDEPENDENT = True
EXPECTED = {
    "class": "graph-break",
    "flags": {
        "profile": ["graph-break", "host-sync"],
        "all": ["graph-break", "host-sync"],
        "some": ["graph-break", "host-sync", "specialization-shape"],
    },
    "silent_wrong": False,
    "recompiles": 1,
}
