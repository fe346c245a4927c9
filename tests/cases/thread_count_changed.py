"""A data loader in the server sets the number of threads after the warm-up.  It is part of Dynamo's global state
guard.
https://github.com/pytorch/pytorch/issues/167463"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def forward(self, x):
        return x @ x.t()


def build():
    return Net().eval()


def before(model, name):
    wanted = 2 if name == "two_threads" else 1
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {
        "one_thread": ((torch.zeros(3, 4),), {}),
        "two_threads": ((torch.ones(3, 4),), {}),
        "one_again": ((torch.ones(3, 4),), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "global-state",
    "flags": {"one_thread": [], "two_threads": ["global-state"], "one_again": []},
    "silent_wrong": False,
    "recompiles": 1,
}
