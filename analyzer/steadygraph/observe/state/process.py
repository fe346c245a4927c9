"""The user's process, left as it was."""

from __future__ import annotations

import contextlib
import functools
import os
import random
import sys
import warnings
from collections.abc import Callable, Iterator
from typing import TypeVar

import torch

from steadygraph import torch_private
from steadygraph.observe.inputs.ambient import AUTOCAST_DEVICES

T = TypeVar("T")


@contextlib.contextmanager
def preserved() -> Iterator[None]:
    """After the block the process is as before it, whatever the block did or raised.

    Covers random generators (torch, random, numpy if it is loaded), grad mode, autocast, default dtype and device,
    threads, deterministic algorithms, precision switches, hooks on all modules, warning filters, the compiler's
    configuration and stance, the working directory, ``sys.path``, ``sys.argv`` and the environment.  What is unchanged
    is not touched: setting the number of threads, say, has effects even if it is the same number.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        _keep_interpreter(stack)
        _keep_random(stack)
        _keep_torch(stack)
        stack.callback(torch_private.compiler_settings())
        yield


def seeded(seed: int) -> None:
    """Seed torch on all devices, random, and numpy if it is loaded.  What they were is not kept."""
    # torch.manual_seed writes down a stack for every kind of device that is not there yet, for messages: 0.5 ms each.
    (torch.manual_seed if torch.accelerator.is_available() else torch.default_generator.manual_seed)(seed)
    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed(seed % 2**32)


def _keep(stack: contextlib.ExitStack, read: Callable[[], T], write: Callable[[T], object]) -> None:
    """Have ``write`` called at the end with what ``read`` says now, if it says something else then."""
    before = read()

    def restore() -> None:
        if read() != before:
            write(before)

    stack.callback(restore)


def _keep_interpreter(stack: contextlib.ExitStack) -> None:
    _keep(stack, lambda: dict(os.environ), _set_environment)
    for names in (sys.path, sys.argv):
        stack.callback(names.__setitem__, slice(None), names.copy())
    with contextlib.suppress(FileNotFoundError):  # a directory that was removed cannot be gone back to
        directory = os.getcwd()
        stack.callback(_go_back, directory)


def _go_back(directory: str) -> None:
    with contextlib.suppress(FileNotFoundError):  # removed in the meantime
        os.chdir(directory)


def _set_environment(environment: dict[str, str]) -> None:
    for name in os.environ.keys() - environment.keys():
        del os.environ[name]
    os.environ.update(environment)


def _keep_random(stack: contextlib.ExitStack) -> None:
    stack.callback(random.setstate, random.getstate())
    if (numpy := sys.modules.get("numpy")) is not None:
        stack.callback(numpy.random.set_state, numpy.random.get_state())
    stack.callback(torch.set_rng_state, torch.get_rng_state())
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        stack.callback(torch.cuda.set_rng_state_all, torch.cuda.get_rng_state_all())


def _keep_torch(stack: contextlib.ExitStack) -> None:
    for hooks in torch_private.global_module_hooks():
        _keep(stack, hooks.copy, functools.partial(_refill, hooks))
    _keep(stack, torch.is_grad_enabled, torch.set_grad_enabled)
    _keep(stack, torch.get_default_dtype, torch.set_default_dtype)
    _keep(stack, torch_private.global_default_device, torch.set_default_device)
    _keep(stack, torch.get_num_threads, torch.set_num_threads)
    _keep(stack, _deterministic, lambda flags: torch.use_deterministic_algorithms(flags[0], warn_only=flags[1]))
    _keep(stack, torch.is_autocast_cache_enabled, torch.set_autocast_cache_enabled)
    for device in AUTOCAST_DEVICES:
        _keep_autocast(stack, device)
    if (precision := _matmul_precision()) is not None:
        _keep(stack, _matmul_precision, lambda _now: torch.set_float32_matmul_precision(precision))


def _refill(target: dict[int, object], content: dict[int, object]) -> None:
    target.clear()
    target.update(content)


def _keep_autocast(stack: contextlib.ExitStack, device: str) -> None:
    _keep(stack, lambda: torch.is_autocast_enabled(device), lambda on: torch.set_autocast_enabled(device, on))
    _keep(stack, lambda: torch.get_autocast_dtype(device), lambda dtype: torch.set_autocast_dtype(device, dtype))


def _deterministic() -> tuple[bool, bool]:
    return torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()


def _matmul_precision() -> str | None:
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:  # the newer switches were set, one per back end; torch 2.13 refuses to mix them
        return None
