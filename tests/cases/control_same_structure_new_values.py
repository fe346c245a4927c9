"""Dicts, lists, a NamedTuple and a dataclass of the same shape are made anew for each call, with other tensors
and equal settings."""

import dataclasses
from typing import NamedTuple

import torch
import torch.nn as nn


class Span(NamedTuple):
    start: torch.Tensor
    stop: torch.Tensor


@dataclasses.dataclass
class Options:
    causal: bool = True
    window: int = 4


class Net(nn.Module):
    def forward(self, x, features, spans, options):
        out = x + features["image"]["d0"] + features["audio"][0]
        for span in spans:
            out = out + (span.stop - span.start)
        return out.cumsum(0)[: options.window] if options.causal else out


def build():
    return Net().eval()


def call(value):
    features = {"image": {"d0": torch.full((6,), value)}, "audio": [torch.full((6,), -value)]}
    spans = [Span(torch.tensor(value), torch.tensor(2 * value)), Span(torch.tensor(0.0), torch.tensor(value))]
    return (torch.arange(6.0), features, spans), {"options": Options()}


def profile():
    return call(0.0)


def serving():
    return {"one": call(1.0), "two": call(2.5)}


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
