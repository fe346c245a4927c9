"""What CUDA itself calls synchronizing: the warnings of ``torch.cuda.set_sync_debug_mode``, held against our own list.

Experimental in torch, and not complete: waits for the whole device and for events, and what ``torch.distributed`` and
``torch.sparse`` do, are not told.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import warnings
from collections.abc import Callable, Iterator, Sequence

import torch

from steadygraph.model import Sync

#: ``warn_or_error_on_sync`` in c10/cuda/CUDAFunctions.cpp; followed by "(Triggered internally at ...)".
_WARNING = re.compile(r"called a synchronizing CUDA operation")
#: What torch says once when the mode is set (THCPModule_cudaSetSyncDebugMode in torch/csrc/cuda/Module.cpp).
_NOTICE = "Synchronization debug mode is a prototype feature"
#: What is said of a line that only CUDA names: which operator it was, it does not tell.
OPERATION = "an operation that CUDA calls synchronizing"


@contextlib.contextmanager
def listening(hear: Callable[[], object]) -> Iterator[None]:
    """A block in which ``hear`` is called, in the frame below the operator, whenever CUDA warns of one.

    Other warnings are shown as before, and the mode is the one from before afterwards.
    """
    before = torch.cuda.get_sync_debug_mode()
    with warnings.catch_warnings():
        warnings.filterwarnings("always", message=_WARNING.pattern)
        warnings.filterwarnings("ignore", message=_NOTICE)
        show = warnings.showwarning

        def told(message: Warning | str, *more: object, **keywords: object) -> None:
            if _WARNING.match(str(message)):
                hear()
            else:
                show(message, *more, **keywords)  # type: ignore[arg-type]

        warnings.showwarning = told
        torch.cuda.set_sync_debug_mode("warn")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode(before)


def confirmed(found: Sequence[Sync], heard: Sequence[Sync]) -> tuple[Sync, ...]:
    """Our list with what CUDA says of each line; lines that only CUDA names come last."""
    warned = {_line(sync) for sync in heard}
    known = {_line(sync) for sync in found}
    told = [dataclasses.replace(sync, confirmed=_verdict(sync, warned)) for sync in found]
    return (*told, *(dataclasses.replace(sync, confirmed=True) for sync in heard if _line(sync) not in known))


def summary(syncs: Sequence[Sync]) -> str | None:
    """One sentence about all calls; None if CUDA was not asked, or nothing was there to ask about.

    ``torch.cuda.set_sync_debug_mode confirms 3 of 4 lines that make the host wait, and names 1 more``
    """
    asked = {_line(sync): sync for sync in syncs if sync.confirmed is not None}
    more = sum(sync.operation == OPERATION for sync in asked.values())
    seen = sum(sync.confirmed is True for sync in asked.values()) - more
    ours = len(asked) - more
    facts = [f"confirms {seen} of {_lines(ours)}"] if ours else []
    facts += [f"names {f'{more} more' if ours else _lines(more)}"] if more else []
    return f"torch.cuda.set_sync_debug_mode {', and '.join(facts)}" if facts else None


def _lines(count: int) -> str:
    return "1 line that makes the host wait" if count == 1 else f"{count} lines that make the host wait"


def _verdict(sync: Sync, warned: set[tuple[str, int] | None]) -> bool | None:
    if _line(sync) in warned:
        return True
    # It keeps silent about waits for the device and for events, and about copies that may or may not wait.
    return None if sync.explicit or not sync.certain else False


def _line(sync: Sync) -> tuple[str, int] | None:
    return None if sync.location is None else (sync.location.path, sync.location.line)
