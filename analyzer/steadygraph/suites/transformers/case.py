"""The case file of every class of the suite: ``steadygraph analyze transformers:LlamaModel --case`` this file."""

from __future__ import annotations

import functools
import unittest
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from steadygraph.suites.transformers.built import Built

if TYPE_CHECKING:
    from torch import nn

_built = functools.cache(Built)


def build(cls: type) -> nn.Module:
    try:
        return _built(cls).build()
    except (ValueError, ImportError) as error:
        raise unittest.SkipTest(str(error)) from error


def profile(cls: type) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return (), _built(cls).profile()


def serving(cls: type) -> dict[str, tuple[tuple[Any, ...], dict[str, Any]]]:
    return {name: ((), call()) for name, call in _built(cls).calls().items()}


def context(name: str) -> AbstractContextManager[Any]:
    import torch

    return torch.no_grad()
