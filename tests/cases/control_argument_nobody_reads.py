"""Ids, flags and payloads are handed through to a forward that does not look at them."""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x, request_id=None, payload=None, **unused):
        return x.sin() + 1


def build():
    return Net().eval()


def profile():
    return (torch.ones(3),), {}


def serving():
    return {
        "id": ((torch.zeros(3),), {"request_id": "r17"}),
        "payload": ((torch.ones(3), 4), {"payload": [torch.ones(2)]}),
    }


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
