"""What a report says about the machine that made it: versions, and nothing that identifies a person or a place."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib import metadata

#: Stands for a version that cannot be read: a source tree that was never installed.
UNKNOWN = "unknown"
_RANKS = ("RANK", "WORLD_SIZE")


@cache
def version(distribution: str) -> str:
    """The installed version, read from its metadata: importing torch for it would cost seconds."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return UNKNOWN


def environment(device: str = "cpu") -> dict[str, str]:
    """Versions and platform for a report.

    Args:
        device: The kind of device that the calls ran on.

    Returns:
        Readable values; environment variables, user and host names are left out on purpose, but for ``rank`` and
        ``world_size`` in a process that torchrun has started.
    """
    ranks = {name.lower(): os.environ[name] for name in _RANKS if os.environ.get(name, "").isdecimal()}
    return {
        "python": platform.python_version(),
        "torch": version("torch"),
        "platform": f"{platform.system()} {platform.machine()}",
        "device": device,
        "steadygraph": version("steadygraph"),
        **(ranks if len(ranks) == len(_RANKS) else {}),
    }
