"""Tokens that must not be drawn have logits of minus infinity, at serving only: that is meant."""

import torch
import torch.nn as nn


class Sampler(nn.Module):
    def forward(self, logits, banned):
        kept = torch.where(banned, float("-inf"), logits)
        return kept, kept.softmax(-1)


def build():
    return Sampler().eval()


def call(*banned):
    return (torch.arange(3.0), torch.tensor(banned)), {}


def profile():
    return call(False, False, False)


def serving():
    return {"all": call(False, False, False), "banned": call(False, True, False)}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
