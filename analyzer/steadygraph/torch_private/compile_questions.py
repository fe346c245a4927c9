"""``torch.compiler.is_compiling()`` and its kin: who asks while Dynamo traces, and another answer for eager mode."""

from __future__ import annotations

import contextlib
import functools
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from steadygraph.torch_private.frames import traced_stack

#: The public functions, and those of the same names that they replace.
_QUESTIONS = frozenset({"is_compiling", "is_dynamo_compiling"})
#: What :func:`compile_questions_answered` was given last.
_answer: Callable[[], bool] = bool


@contextlib.contextmanager
def compile_questions_heard(tell: Callable[[Sequence[traceback.FrameSummary]], object]) -> Iterator[None]:
    """A block in which ``tell`` gets the stack of each question whether the code is being compiled that Dynamo traces.

    Dynamo answers it with True, and makes no guard.
    """
    from torch._dynamo.variables.torch import TorchInGraphFunctionVariable

    handlers: Any = TorchInGraphFunctionVariable._get_handlers()
    before = {asked: handle for asked, handle in handlers.items() if getattr(asked, "__name__", "") in _QUESTIONS}

    def heard(handle: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(handle)
        def handler(*args: Any, **kwargs: Any) -> Any:
            tell(traced_stack())
            return handle(*args, **kwargs)

        return handler

    handlers.update({function: heard(handle) for function, handle in before.items()})
    try:
        yield
    finally:
        handlers.update(before)


@contextlib.contextmanager
def compile_questions_answered(answer: Callable[[], bool]) -> Iterator[None]:
    """A block in which ``answer`` answers them in eager mode, whatever name the functions were imported by."""
    global _answer
    asked: Sequence[Any] = (torch.compiler.is_compiling, torch.compiler.is_dynamo_compiling)
    before, codes = _answer, [function.__code__ for function in asked]
    _answer = answer
    try:
        for function in asked:
            function.__code__ = _is_compiling.__code__
        yield
    finally:
        _answer = before
        for function, code in zip(asked, codes, strict=True):
            function.__code__ = code


def _is_compiling() -> bool:  # by its name it is recognised on the stack
    """Runs in the place of functions of torch's, and finds nothing of its own module but by import."""
    from steadygraph.torch_private import compile_questions

    return compile_questions._answer()
