"""``with steadygraph.allow_sync("reason"):`` in a model: here the host may wait for the device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

# Names of their own, not attributes of modules: each look-up on the way is an identity guard in the compiled region.
from torch.compiler import is_compiling

from steadygraph.errors import UsageError

#: What an analysis that counts syncs puts around the block; without one the block costs a call.
_noted: Callable[[str], AbstractContextManager[None]] | None = None


def allow_sync(reason: str) -> AbstractContextManager[None]:
    """A block in which the host may wait for the device; an analysis reports what waits there as accepted.

    Does nothing outside of an analysis.  In a compiled region Dynamo sees a ``nullcontext``, the one context manager in
    which it can break a graph and go on: the graphs are those of the same code without the block, and the only guards
    are that the names that it looks up still mean the same objects.

    Args:
        reason: Why the host may wait here; the report says it.

    Raises:
        UsageError: The reason is empty, or no text.
    """
    if not isinstance(reason, str) or not reason.strip():
        raise UsageError(f"allow_sync({reason!r}) gives no reason", hint="say why the host may wait in this block")
    if is_compiling() or _noted is None:
        return nullcontext()
    return _noted(reason)


@contextmanager
def noting(noted: Callable[[str], AbstractContextManager[None]]) -> Iterator[None]:
    """A block in which allow_sync blocks are noted: ``noted`` gives what is put around each."""
    global _noted
    before, _noted = _noted, noted
    try:
        yield
    finally:
        _noted = before
