"""Attention metadata is a dataclass whose `prefill` part is None in the decode-only warm-up.  A request with a
prefill fills it in; without guards the prefill part of the batch is never computed.  The structure of vLLM's
attention metadata."""

from __future__ import annotations

import dataclasses

import torch
import torch.nn as nn


@dataclasses.dataclass
class Prefill:
    bias: torch.Tensor


@dataclasses.dataclass
class Metadata:
    slots: torch.Tensor
    prefill: Prefill | None = None


class Attention(nn.Module):
    def forward(self, x, metadata):
        out = x[metadata.slots]
        if metadata.prefill is not None:
            out = out + metadata.prefill.bias
        return out


def build():
    return Attention().eval()


def call(bias=None):
    prefill = None if bias is None else Prefill(torch.full((4,), bias))
    return (torch.eye(4), Metadata(torch.tensor([3, 1, 0, 2]), prefill)), {}


def profile():
    return call()


def serving():
    return {"decode": call(), "prefill": call(2.0), "decode_again": call()}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"decode": [], "prefill": ["input-structure"], "decode_again": []},
    "silent_wrong": True,
    "silent_scenarios": ["prefill"],
    "recompiles": 1,
}
