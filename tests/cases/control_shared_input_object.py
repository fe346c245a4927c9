"""One tensor object is an argument of all calls, beside one whose size varies in a dynamic dimension."""

import torch
import torch.nn as nn

SHARED = torch.arange(4.0)


class Net(nn.Module):
    def forward(self, x, y):
        return x + y.mean()


def build():
    return Net().eval()


def profile():
    return (SHARED, torch.ones(5)), {}


def serving():
    return {"same": ((SHARED, torch.ones(7)), {}), "other": ((SHARED, torch.ones(3)), {})}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[1], 0)


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
