"""Tensors that graphs of the profile call have made, and that later graphs get: tables that are made once and kept."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.torch_private.entries import CapturedGraph


class MadeTensors:
    """The outputs of graphs, told by which object they are."""

    def __init__(self) -> None:
        self._outputs: dict[int, tuple[weakref.ref[torch.Tensor], int]] = {}

    def remember(self, outputs: Any) -> None:
        """What a graph of the profile call returned."""
        for position, output in enumerate(outputs if isinstance(outputs, tuple | list) else ()):
            if torch_private.is_tensor(output):
                self._outputs[id(output)] = weakref.ref(output), position

    def recognize(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        """Note in a later graph, before its first run, which of its inputs these are."""
        for name, given in zip(graph.placeholders, inputs, strict=False):
            known, position = self._outputs.get(id(given), (None, 0))
            if known is not None and known() is given:
                graph.made_at_profile.setdefault(name, position)
