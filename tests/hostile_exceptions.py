"""Exceptions of classes that answer with other exceptions, for tests of several parts."""

from __future__ import annotations

import sys


class NoTextError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class LeavesError(Exception):
    def __str__(self) -> str:
        sys.exit(7)


class OtherClassError(Exception):
    """Says to be one that ends the process, and is neither true nor equal to itself."""

    __class__ = property(lambda _self: SystemExit)

    def __bool__(self):
        raise RuntimeError("bool")

    __eq__ = __len__ = __bool__
    __hash__ = Exception.__hash__
