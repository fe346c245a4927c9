"""`max_query_len` is an int on the metadata object that every step passes in, so it is no argument of its own and
never becomes dynamic.  Each new value is a compilation; without guards the window of the warm-up is used."""

import torch
import torch.nn as nn


class Metadata:
    def __init__(self, max_query_len):
        self.max_query_len = max_query_len


class Window(nn.Module):
    def forward(self, x, metadata):
        return x * (torch.arange(8) < metadata.max_query_len)


def build():
    return Window().eval()


def call(n):
    return (torch.arange(1.0, 9.0), Metadata(n)), {}


def profile():
    return call(4)


def serving():
    return {"four": call(4), "six": call(6), "seven": call(7), "two": call(2)}


INDEPENDENT = True
EXPECTED = {
    "class": "specialization-int",
    "also": ["recompile-storm"],
    "flags": {
        "four": [],
        "six": ["specialization-int"],
        "seven": ["specialization-int"],
        "two": ["specialization-int"],
    },
    "silent_wrong": True,
    "silent_scenarios": ["six", "seven", "two"],
    "recompiles": 1,
}
