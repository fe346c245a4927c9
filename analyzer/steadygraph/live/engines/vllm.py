"""vLLM watched from inside: what its plugin does where it is awake."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from steadygraph.live.engines import place, vllm_hooks
from steadygraph.live.engines.backend import EngineBackend
from steadygraph.live.engines.calls import EngineCalls
from steadygraph.live.engines.phase import Phase
from steadygraph.live.engines.place import Place
from steadygraph.live.engines.settings import Settings
from steadygraph.live.engines.watching import EngineWatching, OfProcess
from steadygraph.model.environment import version

#: Stands on a class whose function of this name is one of ours.
_MARK = "_steadygraph"


def install(settings: Settings) -> None:
    """Watch all models that this process, and those that are forked from it, will have compiled.

    Raises:
        MovedError: vLLM has no longer what the plugin stands at.
    """
    made = vllm_hooks.MADE
    owner = made.owner
    if _MARK in vars(owner):
        return
    engine, init = _Engine(settings), made.value

    @functools.wraps(init)
    def made_ready(self: Any, *args: Any, **kwargs: Any) -> None:
        init(self, *args, **kwargs)
        engine.meets(self)

    setattr(owner, made.last, made_ready)
    setattr(owner, _MARK, engine)


class _Engine:
    """The models of a process, and its watch."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._run = place.run(os.environ)
        self._phase = Phase()
        self._has_context, self._context = vllm_hooks.HAS_CONTEXT.value, vllm_hooks.CONTEXT.value
        assert vllm_hooks.SKIPS.owner
        #: By identity of the model: what is stored on a model would be compiled with it, or saved.
        self._calls: dict[int, EngineCalls] = {}
        self._watch: OfProcess | None = None
        self._said: set[str] = set()

    def meets(self, model: Any) -> None:
        """A model is compiled at its next call; one that was met before, once more."""
        try:
            self._meets(model)
        except Exception as error:  # the engine goes on
            self._say(f"`{type(model).__name__}` is not watched: {getattr(error, 'problem', error)}")

    def _meets(self, model: Any) -> None:
        self._hook_runners()
        self._hook_class(type(model))
        if self._watch is None:
            where = _place(model, self._run)
            self._watch = OfProcess(lambda: EngineWatching(self._settings, where))
        watching = self._watch()
        compilation = model.vllm_config.compilation_config
        backend = EngineBackend(str(compilation.backend or "inductor"), _dims(model._dynamic_arg_dims))
        hearing = watching.observer.hear(model.forward, backend)
        name = type(model).__name__
        calls = EngineCalls(name, watching.observer, hearing, self._phase, lambda: self._runs_compiled(weak()))
        weak = weakref.ref(model)
        if id(model) not in self._calls:
            weakref.finalize(model, self._calls.pop, id(model), None).atexit = False
        self._calls[id(model)] = calls

    def _hook_class(self, kind: type) -> None:
        """Stand in front of the call of the class that vLLM has decorated; its subclasses share it."""
        owner = next(base for base in kind.__mro__ if vllm_hooks.WRAPPER.value in base.__bases__)
        if _MARK in vars(owner):
            return
        run: Any = owner.__call__
        known = self._calls

        @functools.wraps(run)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            calls = None if torch.compiler.is_compiling() else known.get(id(self))
            return run(self, *args, **kwargs) if calls is None else calls.made(run, self, args, kwargs)

        owner.__call__ = call  # type: ignore[method-assign]
        setattr(owner, _MARK, True)

    def _hook_runners(self) -> None:
        """Stand at the runner that has made the model: its module is there by then."""
        for dummy, step in zip(vllm_hooks.DUMMIES, vllm_hooks.STEPS, strict=True):
            for hook in vllm_hooks.loaded((dummy,)):
                runner = hook.owner
                if _MARK not in vars(runner):
                    setattr(runner, dummy.last, self._phase.dummy(dummy.value))
                    setattr(runner, step.last, self._phase.step(step.value))
                    setattr(runner, _MARK, True)
                    self._phase.is_known()

    def _say(self, line: str) -> None:
        """Once: a model is met for each of its classes that is decorated."""
        if line not in self._said:
            self._said.add(line)
            with contextlib.suppress(OSError, ValueError, AttributeError):
                sys.stderr.write(f"steadygraph: {line}\n")

    def _runs_compiled(self, model: Any) -> bool:
        if model is None or model.do_not_compile:
            return False
        return not (self._has_context() and self._context().skip_compiled)


def _place(model: Any, run: str) -> Place:
    parallel = model.vllm_config.parallel_config
    return Place(
        f"vllm {_version()}", int(parallel.rank), int(parallel.world_size), int(parallel.data_parallel_index), run
    )


def _version() -> str:
    return str(getattr(sys.modules.get("vllm"), "__version__", "")) or version("vllm")


def _dims(given: Mapping[str, Any]) -> dict[str, Sequence[int]]:
    """By argument its dynamic dimensions: vLLM takes one, several, or several with names."""
    return {name: (dims,) if isinstance(dims, int) else tuple(dims) for name, dims in given.items()}
