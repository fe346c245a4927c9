"""``no_recompiles``: compiled code that runs in a block must not be compiled again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from steadygraph.observe.guards.recompilations import Recompilation

_P = ParamSpec("_P")
_R = TypeVar("_R")


def no_recompiles(max: int = 0) -> _Block:
    """Fail where code compiled by ``torch.compile`` is compiled again, or a guard of it is violated.

    It goes around a block (``with``) or a function (``@``).  What is compiled for the first time inside of the block
    does not count, nor does anything that runs as before.

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
    return _Block(max)


class _Block:
    """No generator of contextlib: a failing test would show its frame, which nothing can hide from pytest.

    Args:
        accepted: How many recompilations are.
    """

    def __init__(self, accepted: int) -> None:
        self._accepted = accepted
        self._open: list[tuple[AbstractContextManager[list[Recompilation]], list[Recompilation]]] = []

    def __enter__(self) -> None:
        from steadygraph.observe.guards.recompilations import watched

        block = watched()
        self._open.append((block, block.__enter__()))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True  # the failure is the block's
        block, found = self._open.pop()
        block.__exit__(kind, error, traceback)
        if error is None and len(found) > self._accepted:
            times = "recompilation" if len(found) == 1 else "recompilations"
            accepted = f", and {self._accepted} accepted" if self._accepted else ""
            raise AssertionError("\n".join([f"{len(found)} {times}{accepted}:", *map(str, found)]))

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        @functools.wraps(function)
        def watched(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            __tracebackhide__ = True
            with _Block(self._accepted):  # its own: calls may meet in several threads
                return function(*args, **kwargs)

        return watched
