"""`config.output_attentions` lives on a plain config object that the module holds.  Someone flips it for one
request."""

import torch
import torch.nn as nn


class Config:
    def __init__(self):
        self.output_attentions = False


class Attention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config, self.v = config, nn.Linear(4, 4)

    def forward(self, x):
        weights = (x @ x.t()).softmax(-1)
        out = weights @ self.v(x)
        return (out, weights) if self.config.output_attentions else (out,)


def build():
    return Attention(Config()).eval()


def before(model, name):
    model.config.output_attentions = name == "with_weights"


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {"plain": ((torch.zeros(3, 4),), {}), "with_weights": ((torch.ones(3, 4),), {})}


INDEPENDENT = True
EXPECTED = {
    "class": "module-attribute",
    "flags": {"plain": [], "with_weights": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["with_weights"],
    "recompiles": 1,
}
