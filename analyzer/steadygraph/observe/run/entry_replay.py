"""Dynamo's frame callback, answering with what was compiled before; nothing is traced."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.torch_private.entries import CompiledFrame

#: The entry to run for a code object and the frame's locals; None: no entry answers.
Lookup = Callable[[types.CodeType, Mapping[str, Any]], CompiledFrame | None]


class EntryReplay(torch_private.FrameCallback):
    """A frame callback that runs code compiled before, as :data:`Lookup` chooses it.

    Args:
        lookup: Chooses the entry, and may raise to refuse the call.
        ask_again: Ask at every call; otherwise the first answer for a code object is the answer for good.
    """

    def __init__(self, lookup: Lookup, *, ask_again: bool) -> None:
        self._lookup = lookup
        self._ask_again = ask_again
        super().__init__(_no_compilation)
        self._context = torch_private.compiling(self, torch_private.hooks())

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, answered by the entries of ``lookup``."""
        return self._context(function)

    def __call__(self, frame: Any, cache_entry: Any, hooks: Any, frame_state: Any, skip: int = 0) -> Any:
        entry = self._lookup(frame.f_code, frame.f_locals)
        if entry is None:
            return torch_private.run_uncompiled("never compiled")
        return torch_private.run_code(entry.compiled_code, entry.compile_id, ask_again=self._ask_again)


def dropped(
    known: Callable[[types.CodeType], CompiledFrame | None],
    admit: Callable[[CompiledFrame, Mapping[str, Any]], None] | None = None,
) -> EntryReplay:
    """A replay whatever the inputs look like: guards dropped.

    Args:
        known: The entry of a code object; None for a frame that the profile call never reached.
        admit: Called with the entry and the frame's locals at every call; it may raise to refuse the call.
            None: no check at all.
    """

    def lookup(code: types.CodeType, f_locals: Mapping[str, Any]) -> CompiledFrame | None:
        entry = known(code)
        if entry is not None and admit is not None:
            admit(entry, f_locals)
        return entry

    return EntryReplay(lookup, ask_again=admit is not None)


def _no_compilation(module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
    raise AssertionError("a replay compiles nothing")
