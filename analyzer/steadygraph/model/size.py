"""Sizes of memory, in bytes: as people write them, and as they read them."""

from __future__ import annotations

import re

#: A text of the form that is wanted, for hints.
EXAMPLE = "2GiB"
_UNITS = ("", "Ki", "Mi", "Gi", "Ti")
_FORM = re.compile(
    r"(?P<number>\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})\s*(?P<unit>[KMGT]?)(?P<binary>i?)(?P<byte>B?)", re.I | re.A
)


def parsed(text: str) -> int | None:
    """How many bytes a text means, None if it is no size.

    ``2GiB`` and ``2G`` are 2 * 1024**3 bytes, ``2GB`` is 2 * 1000**3; a number alone is one of bytes.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None or (found["binary"] and not found["unit"]):
        return None
    decimal = bool(found["byte"]) and not found["binary"]
    power = "KMGT".index(found["unit"].upper()) + 1 if found["unit"] else 0
    whole, _, fraction = found["number"].partition(".")
    unit: int = (1000 if decimal else 1024) ** power
    return int(whole or 0) * unit + (int(fraction) * unit // 10 ** len(fraction) if fraction else 0)


def readable(size_bytes: int) -> str:
    """``1.5 GiB``, ``512 MiB``, ``12 B``: three digits say enough."""
    size, unit = float(size_bytes), 0
    while size >= 1023.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    number = f"{size:.0f}" if size >= 99.95 else f"{size:.{2 if size < 9.995 else 1}f}".rstrip("0").rstrip(".")
    return f"{number} {_UNITS[unit]}B"
