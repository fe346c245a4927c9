"""The calls of one model that an engine has compiled: heard of, and made as the engine makes them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from steadygraph.live.call import LiveCall
from steadygraph.live.engines.observer import EngineObserver
from steadygraph.live.engines.phase import Phase
from steadygraph.live.hearing import Hearing


class EngineCalls:
    """Hears of the calls of a model.

    Args:
        name: What lines call the model.
        observer: Told how those end that are looked at.
        hearing: Says which those are.
        phase: Only the first call of warm-up is looked at.
        is_compiled: Does the engine run the model as it was compiled, in this very call?
    """

    def __init__(
        self, name: str, observer: EngineObserver, hearing: Hearing, phase: Phase, is_compiled: Callable[[], bool]
    ) -> None:
        self._name, self._observer, self._hearing = name, observer, hearing
        self._phase, self._is_compiled = phase, is_compiled
        self._deaf = self._learned = False
        self._may_capture = torch.cuda.is_available()

    def made(self, run: Callable[..., Any], model: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """The result of ``run(model, *args, **kwargs)``, whatever goes wrong in us."""
        call: LiveCall | None = None if self._deaf else self._held(self._opened, args, kwargs)
        if call is None:
            return run(model, *args, **kwargs)
        try:
            result = run(model, *args, **kwargs)
        except BaseException as error:
            self._held(self._observer.entry_raised, call, error)
            raise
        self._held(self._observer.entry_returned, call, result)
        self._learned = True
        return result

    def _opened(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LiveCall | None:
        if (self._learned and not self._phase.serves) or not self._is_compiled():
            return None
        if self._may_capture and torch.cuda.is_current_stream_capturing():
            return None
        return self._hearing.called(args, kwargs)

    def _held(self, function: Callable[..., Any], *args: Any) -> Any:
        """What the function gives; where it fails the model is watched no more, and a line says so."""
        start = time.perf_counter()
        try:
            return function(*args)
        except Exception as error:
            self._deaf = True
            with contextlib.suppress(Exception):
                self._observer.gave_up(self._name, error)
            return None
        finally:
            self._observer.seconds += time.perf_counter() - start
