"""The line that first names a parameter, read off bytecode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steadygraph.observe.places import locations


def both_at_once(x, mask):
    return x * mask


def written_before(x, mask):
    scale = x.shape[0]
    scale = scale if mask is None else 2 * scale
    return x, scale, mask


def written_and_read(x, mask):
    return (y := x + 1) * mask + y


def attribute_of_that_name(self, mask):
    if self.mask:
        return "mask"
    return self + mask


def closed_over(x, mask):
    def inner():
        return x + 1

    z = inner()
    return (lambda: mask)() + z


def never(x, mask):
    return x


@pytest.mark.parametrize(
    ("function", "line"),
    [
        (both_at_once, "return x * mask"),
        (written_before, "scale = scale if mask is None else 2 * scale"),
        (written_and_read, "return (y := x + 1) * mask + y"),
        (attribute_of_that_name, "return self + mask"),
        (closed_over, "return (lambda: mask)() + z"),
        (never, None),
    ],
)
def test_it_is_the_line_that_reads_the_parameter(function: Callable[..., Any], line: str | None) -> None:
    found = locations.first_use(function.__code__, "mask")

    assert (found and found.text) == line
