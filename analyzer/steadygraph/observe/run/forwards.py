"""Another ``forward`` for modules, for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from torch import nn


@contextlib.contextmanager
def swapped(forwards: Mapping[nn.Module, Callable[..., Any]]) -> Iterator[None]:
    """A block in which modules have these forwards, as attributes of the instances; afterwards what they had before.

    One that was replaced meanwhile stays.
    """
    before = {module: module.__dict__.get("forward") for module in forwards}
    for module, forward in forwards.items():
        module.__dict__["forward"] = forward
    try:
        yield
    finally:
        for module, own in before.items():
            if module.__dict__.get("forward") is not forwards[module]:
                continue
            if own is None:
                module.__dict__.pop("forward", None)
            else:
                module.__dict__["forward"] = own
