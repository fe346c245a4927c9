"""Processes by their numbers: who descends from whom, and what Linux does for whoever watches over them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PROC = Path("/proc")
#: Ending processes that go on starting others may fail in the first rounds.
_ROUND_S = 0.01


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends: none of them gets lost."""
    _process_control(_PR_SET_CHILD_SUBREAPER, 1)


def end_with_parent(parent: int) -> None:
    """Have the system end this process when its parent ends, which it may have done already."""
    _process_control(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def give_way() -> None:
    """Where memory runs out on this machine, let the system end this process, not one that did nothing."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def descendants(ancestor: int) -> list[int]:
    """All processes that come from this one, children before their own children."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found, generation = [], [ancestor]
    while generation:
        generation = [child for parent in generation for child in children.get(parent, ())]
        found += generation
    return found


def children(parent: int) -> list[int]:
    return [pid for pid, known in _parents() if known == parent]


def end(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, signal.SIGKILL)


def end_descendants(patience_s: float) -> dict[int, int]:
    """End all that comes from this process, which adopts orphans; give the wait statuses of its children."""
    limit = time.monotonic() + patience_s
    statuses: dict[int, int] = {}
    while remaining := descendants(os.getpid()):
        for pid in remaining:
            end(pid)
        statuses |= reaped()
        if time.monotonic() >= limit:
            break
        time.sleep(_ROUND_S)
    return statuses | reaped()


def flush() -> None:
    """Write out what code in C has printed in this process, and keeps because no terminal reads it."""
    ctypes.CDLL(None).fflush(None)


def reaped() -> dict[int, int]:
    """The wait statuses of children that have ended, by their numbers, each told once."""
    found = {}
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                break
            found[pid] = status
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """(number, number of the parent) of every process but those that have ended and wait for their parent to see it."""
    for entry in os.listdir(_PROC):
        if not entry.isdecimal():
            continue
        try:
            stat = (_PROC / entry / "stat").read_bytes()
        except OSError:  # it has ended
            continue
        # The name of the program, in brackets, may hold anything.
        state, parent = stat.rpartition(b")")[2].split()[:2]
        if state not in (b"Z", b"X"):
            yield int(entry), int(parent)


def _process_control(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
