"""Whether an engine warms up or serves: what it computes for nobody cannot be wrong."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any


class Phase:
    """Start-up until the engine executes its first step, and whenever it runs on made-up inputs."""

    def __init__(self) -> None:
        self._serves = True
        self._dummies = threading.local()

    @property
    def serves(self) -> bool:
        return self._serves and not getattr(self._dummies, "depth", 0)

    def is_known(self) -> None:
        """The engine says from now on when it serves; before, every call may be for somebody."""
        self._serves = False

    def dummy(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the engine that runs the model on made-up inputs."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            self._dummies.depth = getattr(self._dummies, "depth", 0) + 1
            try:
                return function(*args, **kwargs)
            finally:
                self._dummies.depth -= 1

        return run

    def step(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of the engine that answers requests."""

        @functools.wraps(function)
        def execute(*args: Any, **kwargs: Any) -> Any:
            self._serves = True
            return function(*args, **kwargs)

        return execute
