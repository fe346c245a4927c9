"""SGLang watched from inside: it compiles with ``torch.compile`` and keeps the guards, so Dynamo tells of calls."""

from __future__ import annotations

import contextlib
import os
import sys

from steadygraph.live.engines import place
from steadygraph.live.engines.place import Place
from steadygraph.live.engines.settings import Settings
from steadygraph.live.script import at_first_compiled_call
from steadygraph.model.environment import version

#: Of this process: what waits for the first compiled call.
_waiting = contextlib.ExitStack()
_processes: set[int] = set()


def install(settings: Settings) -> None:
    """Watch all that this process compiles, from the first call of it on; called more than once it does so once."""
    run = place.run(os.environ)
    if os.getpid() in _processes:
        return
    _processes.add(os.getpid())
    _waiting.enter_context(at_first_compiled_call(lambda: _start(settings, run)))


def _start(settings: Settings, run: str) -> None:
    try:
        from steadygraph.live.engines.watching import PlacedWatching

        rank, ranks = _rank()
        PlacedWatching(settings, Place(f"sglang {version('sglang')}", rank, ranks, 0, run))
    except Exception as error:  # the engine goes on
        sys.stderr.write(f"steadygraph: SGLang is not watched: {getattr(error, 'problem', error)}\n")


def _rank() -> tuple[int, int]:
    """The rank of this process and how many there are, once they have met."""
    from torch import distributed

    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1
