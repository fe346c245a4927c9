"""How much memory a target may have, and has."""

from __future__ import annotations

import contextlib
import os
import re
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")
_OWN_GROUPS = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
#: What stays free of what is available, for everything else.
_RESERVE = 0.1
#: Memory that is asked for and not used costs nothing, so that the system refuses only what is far beyond the limit.
_BEYOND = 2
#: A driver of GPUs reserves addresses without end.
_GPU_DRIVER = Path("/dev/nvidiactl")


def share_bytes(jobs: int) -> int | None:
    """The part of the available memory that each of so many targets may have; None: it is not known how much there is.

    What is available is what the kernel says is, or what a control group leaves, whichever is less.
    """
    available = min((*_of_machine(), *_of_groups()), default=None)
    return None if available is None else int(available * (1 - _RESERVE)) // jobs


def used_bytes(pids: Iterable[int]) -> int:
    """What these processes have in memory; what they share counts once in all."""
    return sum(map(_proportional_bytes, pids))


def resident_bytes(pid: int) -> int:
    """What this process has in memory, with all that it shares with others: at least as much, and asked quickly."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE_BYTES
    except (OSError, IndexError):  # it has ended
        return 0


def refuse_beyond(limit_bytes: int) -> None:
    """Have the system refuse this process what is far beyond its limit: nobody needs to see it come."""
    if _GPU_DRIVER.exists():
        return
    before = int(_named("VmData", Path("/proc/self/status")))
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = before + _BEYOND * limit_bytes
    if hard == resource.RLIM_INFINITY or wanted <= hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))


def _of_machine() -> Iterator[int]:
    with contextlib.suppress(OSError, LookupError):
        yield _named("MemAvailable", _MEMINFO)


def _of_groups() -> Iterator[int]:
    """What each control group that this process is in leaves of its limit."""
    try:
        lines = _OWN_GROUPS.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if controllers and "memory" not in controllers.split(","):
            continue
        root, limit, used = (
            (_CGROUPS / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes")
            if controllers
            else (_CGROUPS, "memory.max", "memory.current")
        )
        folder = root / group.lstrip("/")
        # In a container the path may be that of the host, and the root is the group.
        for place in (folder, *folder.parents):
            with contextlib.suppress(OSError, ValueError):  # there is no such file, or it says "max"
                yield max(0, int((place / limit).read_text()) - _kept(place, used))
            if place == root:
                break


def _kept(place: Path, used: str) -> int:
    """What a group cannot give back: its cache of files goes when it must."""
    cache = 0
    with contextlib.suppress(OSError, LookupError):
        found = re.search(r"^(?:total_)?inactive_file (\d+)$", (place / "memory.stat").read_text(), re.MULTILINE)
        cache = int(found[1]) if found else 0
    return int((place / used).read_text()) - cache


def _proportional_bytes(pid: int) -> int:
    try:
        return _named("Pss", Path(f"/proc/{pid}/smaps_rollup"))
    except (OSError, LookupError):  # it has ended, or is not ours to look at
        return 0


def _named(name: str, file: Path) -> int:
    """A number of kB that stands in a file of the kernel's, in bytes."""
    found = re.search(rf"^{name}:\s+(\d+) kB$", file.read_text(), re.MULTILINE)
    if found is None:
        raise LookupError(name)
    return int(found[1]) * 1024
