"""An evaluation hook calls model.train() and forgets to go back.  With guards it compiles once per mode (PyTorch
issue 110803); without, the dropout of train mode is missing.
https://github.com/pytorch/pytorch/issues/110803"""

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 4))

    def forward(self, x):
        return self.block(x)


def build():
    return Net()


def before(model, name):
    model.train(name == "train")


def profile():
    return (torch.ones(2, 4),), {}


def serving():
    return {
        "eval": ((torch.zeros(2, 4),), {}),
        "train": ((torch.ones(2, 4),), {}),
        "eval_again": ((torch.ones(2, 4),), {}),
    }


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"eval": [], "train": ["module-attribute"], "eval_again": []},
    "silent_wrong": True,
    "silent_scenarios": ["train"],
    "recompiles": 1,
}
