"""Guard managers built from some of the guards of a frame, beside the one that Dynamo builds: to be asked and timed.

They are built where Dynamo builds its own, by the same code: only there does every guard find the value that it is
made from.
"""

from __future__ import annotations

import contextlib
import copy
import ctypes
import functools
import gc
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch

from steadygraph.torch_private.guards import GuardTree, MadeGuard
from steadygraph.torch_private.replacement import replaced

_MEMBERS = {
    "torch._dynamo.guards.CheckFunctionManager": "guard_manager",
    "torch._dynamo.output_graph.OutputGraphCommon": "local_scope",
}
#: Takes the entries of a ``guard_filter_fn`` and says which of them stay.
Filter = Callable[[Sequence[Any]], Sequence[bool]]


class GuardWorkshop:
    """The guards of one frame that has just been traced.

    Args:
        build: Makes a guard manager, as Dynamo does.
        code: Of the frame.
        output_graph: What was traced.
    """

    def __init__(self, build: Any, code: types.CodeType, output_graph: Any) -> None:
        self._build, self.code, self._output_graph = build, code, output_graph

    @property
    def f_locals(self) -> Mapping[str, Any]:
        """Those of the frame."""
        return self._output_graph.local_scope  # type: ignore[no-any-return]

    @cached_property
    def entries(self) -> tuple[Any, ...]:
        """What a ``guard_filter_fn`` is given: one for each guard."""
        found: list[Any] = []

        def take(entries: Sequence[Any]) -> list[bool]:
            found.extend(entries)
            return [True] * len(entries)

        self._built([*self._output_graph.guards], take)
        return tuple(found)

    def made(self) -> Iterator[MadeGuard]:
        """The same guards, as they are told."""
        for entry in self.entries:
            made = MadeGuard(entry.orig_guard)
            made.read()
            yield made

    def manager(self, keep: Sequence[bool]) -> GuardTree:
        """What Dynamo asks at each call where a filter leaves these of the entries."""
        kept = [entry.orig_guard for entry, stays in zip(self.entries, keep, strict=True) if stays]
        return GuardTree(self._built(kept).guard_manager)

    def managers(self) -> Iterator[GuardTree | None]:
        """One for each entry, with that guard alone; None for one that cannot stand alone."""
        for entry in self.entries:
            try:
                yield GuardTree(self._built([entry.orig_guard], alone=True).guard_manager)
            except Exception:  # whatever it lacks
                yield None

    def measured(self, keep: Sequence[bool]) -> tuple[GuardTree, int | None]:
        """The same, and how many bytes of the C heap it takes; None: this C library does not tell."""
        with _garbage_of_the_block():
            before = _in_use_bytes()
            tree = self.manager(keep)
            gc.collect()
            after = _in_use_bytes()
        return tree, None if before is None or after is None else max(after - before, 0)

    def _built(self, guards: Sequence[Any], guard_filter: Filter | None = None, *, alone: bool = False) -> Any:
        # Whoever builds a guard writes into it what it was built from: those of Dynamo's own stay as they are.
        own = [_unbuilt(guard) for guard in guards]
        part = _part_of(self._output_graph, own, alone=alone)
        return self._build(self.code, part, None, None, guard_filter)


def _part_of(whole: Any, guards: Sequence[Any], *, alone: bool) -> Any:
    """What was traced, with some of its guards; nobody tries them on the frame that made them.

    Args:
        whole: All of it.
        guards: Some of its guards.
        alone: Without what Dynamo asks beside guards, whatever a filter says: which inputs are one object.
    """
    part: Any = object.__new__(_part_class())
    own = {"guards": guards, "skip_guards_check": True, **({"aotautograd_guards": ()} if alone else {})}
    object.__setattr__(part, "_steadygraph", (whole, own))
    return part


@functools.cache
def _part_class() -> type:
    from torch._dynamo.output_graph import OutputGraphCommon

    class Part(OutputGraphCommon):
        """Torch looks whether it has this class; all else is that of the whole."""

        def __getattribute__(self, name: str) -> Any:
            if name == "__class__":
                return Part
            whole, own = object.__getattribute__(self, "_steadygraph")
            return own[name] if name in own else getattr(whole, name)

        def __setattr__(self, name: str, value: Any) -> None:
            object.__getattribute__(self, "_steadygraph")[1][name] = value

    return Part


def _unbuilt(guard: Any) -> Any:
    made = copy.copy(guard)
    made.guard_types = made.code_list = None
    return made


@contextlib.contextmanager
def guards_built(tell: Callable[[GuardWorkshop], object]) -> Iterator[None]:
    """A block in which ``tell`` gets the workshop of each frame whose guards were built."""
    from torch._dynamo import convert_frame as module

    convert_frame: Any = module
    build = convert_frame.CheckFunctionManager

    def manager(code: Any, output_graph: Any, *args: Any, **kwargs: Any) -> Any:
        made = build(code, output_graph, *args, **kwargs)
        tell(GuardWorkshop(build, code, output_graph))
        return made

    with replaced(convert_frame, {"CheckFunctionManager": manager}):
        yield


def filters() -> dict[str, Filter]:
    """Torch's own filters of guards, by name, as far as this release has them."""
    names = (
        "skip_guard_on_inbuilt_nn_modules_unsafe",
        "skip_guard_on_all_nn_modules_unsafe",
        "skip_guard_on_globals_unsafe",
        "keep_tensor_guards_unsafe",
        "keep_portable_guards_unsafe",
        "skip_all_guards_unsafe",
    )
    return {name: getattr(torch.compiler, name) for name in names if hasattr(torch.compiler, name)}


@contextlib.contextmanager
def _garbage_of_the_block() -> Iterator[None]:
    """A block in which what is collected is what became garbage in it: all else takes half a second to look through."""
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd")] + [
        (name, ctypes.c_size_t) for name in ("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


def _in_use_bytes() -> int | None:
    """How much of the C heap is in use."""
    try:
        ask = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):
        return None
    ask.restype = _MallInfo
    found = ask()
    return int(found.uordblks + found.hblkhd)
