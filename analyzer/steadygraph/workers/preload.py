"""What every worker needs, imported once: the server that workers are forked from imports this module, nobody else.

Its imports take seconds, and a worker starts in milliseconds.
"""

from __future__ import annotations

import gc

from steadygraph.report import collector

# What modules make stays: looking for cycles in it, again and again, is a tenth of the time.
with collector.paused():
    import steadygraph_rules  # noqa: F401
    from steadygraph import torch_private
    from steadygraph.engine import engine  # noqa: F401
    from steadygraph.torch_private.required import used
    from steadygraph.workers import wire

    torch_private.import_compiler()
    used()
    used("tracing")
    wire.prepare()


def keep() -> None:
    """Collections in a worker need not look at what is here, nor copy its memory pages.

    None comes before: of 526,000 objects 9,000 are garbage, and to find them takes 0.3 to 0.6 s.
    """
    gc.freeze()


keep()
