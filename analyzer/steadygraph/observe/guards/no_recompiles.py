"""``no_recompiles``: compiled code that runs in a block must not be compiled again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


@contextlib.contextmanager
def no_recompiles(max: int = 0) -> Iterator[None]:
    """Fail where code compiled by ``torch.compile`` is compiled again, or a guard of it is violated.

    What is compiled for the first time inside of the block does not count, nor does anything that runs as before.

    Args:
        max: How many recompilations are accepted.

    Raises:
        AssertionError: When the block ends, if there were more: for each the argument or attribute that changed, its
            value before and now, and the line of the model that depends on it.
        UsageError: ``max`` is no number of recompilations.
    """
    from steadygraph.errors import UsageError

    if isinstance(max, bool) or not isinstance(max, int) or max < 0:
        raise UsageError(f"max is {max!r}", hint="write how many recompilations are accepted, 0 or more")
    from steadygraph.observe.guards.recompilations import watched

    with watched() as found:
        yield
    if len(found) > max:
        times = "recompilation" if len(found) == 1 else "recompilations"
        accepted = f", and {max} accepted" if max else ""
        raise AssertionError("\n".join([f"{len(found)} {times}{accepted}:", *map(str, found)]))
