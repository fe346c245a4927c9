"""The plugin of SGLang, which loads it in each of its processes; asleep unless ``STEADYGRAPH_WATCH`` names a directory.

An engine that is not watched pays for this file alone: nothing else is imported, torch least of all.
"""

from __future__ import annotations

import os
import sys


def register() -> None:
    """Watch what SGLang compiles in this process; called more than once it does so once."""
    if not os.environ.get("STEADYGRAPH_WATCH"):
        return
    try:
        from steadygraph.live.engines.settings import settings

        wanted = settings(os.environ)
        if wanted is not None:
            from steadygraph.live.engines import sglang

            sglang.install(wanted)
    except Exception as error:  # an engine starts without us as well
        problem, hint = getattr(error, "problem", error), getattr(error, "hint", None)
        sys.stderr.write(f"steadygraph: SGLang is not watched: {problem}{f'; {hint}' if hint else ''}\n")
