"""What holds for one step."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass
class ForwardContext:
    skip_compiled: bool = False


_context: list[ForwardContext] = []


def is_forward_context_available() -> bool:
    return bool(_context)


def get_forward_context() -> ForwardContext:
    return _context[-1]


@contextlib.contextmanager
def set_forward_context(skip_compiled: bool = False) -> Iterator[None]:
    _context.append(ForwardContext(skip_compiled))
    try:
        yield
    finally:
        _context.pop()
