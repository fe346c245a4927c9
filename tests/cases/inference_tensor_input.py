"""One input was made under inference mode, the call itself runs in the same mode as at warm-up.  Only the
dispatch keys of that tensor differ, and that is guarded.
https://github.com/pytorch/pytorch/issues/134249"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x.cos() * 2


def build():
    return Net().eval()


def context(name):
    return torch.no_grad()


def made():
    with torch.inference_mode():
        return torch.full((2, 3), 0.5)


def profile():
    return (torch.ones(2, 3),), {}


def serving():
    return {"plain": ((torch.zeros(2, 3),), {}), "inference_tensor": ((made(),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"plain": [], "inference_tensor": ["global-state"]},
    "silent_wrong": False,
    "recompiles": 1,
}
