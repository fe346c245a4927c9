"""Dynamo's frame callback, answering with what was compiled before: what a deployment does that drops guards."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.torch_private.entries import CompiledFrame


class EntryReplay(torch_private.FrameCallback):
    """A frame callback that runs code compiled before, whatever the inputs look like: guards dropped.

    Args:
        lookup: The entry to run for a code object; None for a frame that the profile call never reached.
        admit: Called with the entry and the frame's locals at every call; it may raise to refuse the call.
            None: no check at all.
    """

    def __init__(
        self,
        lookup: Callable[[types.CodeType], CompiledFrame | None],
        admit: Callable[[CompiledFrame, Mapping[str, Any]], None] | None = None,
    ) -> None:
        self._lookup = lookup
        self._admit = admit
        super().__init__(_no_compilation)
        self._context = torch_private.compiling(self, torch_private.hooks())

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, answered by the entries of ``lookup``."""
        return self._context(function)

    def __call__(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int = 0) -> Any:
        entry = self._lookup(frame.f_code)
        if entry is None:
            return torch_private.run_uncompiled("never compiled")
        if self._admit is not None:
            self._admit(entry, frame.f_locals)
        return torch_private.run_code(entry.compiled_code, entry.compile_id, ask_again=self._admit is not None)


def _no_compilation(module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
    raise AssertionError("a replay compiles nothing")
