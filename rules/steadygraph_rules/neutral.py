"""What to pass where there is nothing to pass: a value that changes nothing, in every call."""

from __future__ import annotations

import re

_CACHE = re.compile(r"(?<![a-z])(?:past(?:_k\w*)?|kv|(?<!use_)(?:kv_?)?caches?)\b", re.IGNORECASE)
_MASK = re.compile(r"mask", re.IGNORECASE)
_NUMBER = re.compile(r"-?(?:\d[\d.e+-]*|inf|nan)")
_CONTENTS = re.compile(r"torch\.\w+\[|\btensors?\b|^\w*Cache$")
_ALWAYS = "in the profile call and in every serving call"

#: What mends a cache that is there, or filled, in one of the calls only.
OF_A_CACHE = (
    f"Pass a cache of one fixed size {_ALWAYS}, with a mask that hides the rows which are not filled yet, or "
    "compile one module for calls with it and one for calls without."
)


def is_cache(path: str) -> bool:
    """Is it the past of a sequence?  No entry of it has no effect: also a key of zeros draws attention."""
    return _CACHE.search(path) is not None


def is_held_by_a_cache(path: str) -> bool:
    """Is it a number or flag that a cache keeps of itself: how long it is, whether it is filled?"""
    return is_cache(path.rpartition(".")[0])


def fix(path: str, value: str) -> str:
    """What mends an argument that is missing in one of the calls.

    Args:
        path: The argument.
        value: What it is where it is there, in the words of a message: ``torch.bool[2, 6] on cpu``; empty: not known.
    """
    if _NUMBER.fullmatch(value):
        return (
            f"Pass `{path}` {_ALWAYS}: the same number, or a 0-d tensor with a number that has no effect where there "
            "is none."
        )
    if value and not _CONTENTS.search(value):
        return f"Pass the same value of `{path}` {_ALWAYS}, or compile one module for each value."
    if is_cache(path):
        return OF_A_CACHE
    if value.startswith("torch.bool") or _MASK.search(path):
        return (
            f"Pass a mask without effect {_ALWAYS} that has none: ones where it says what to keep, zeros where it is "
            "added or says what to hide or change."
        )
    return f"Pass zeros (ones where it multiplies) {_ALWAYS} that has none: same type, keys, shapes, dtypes and device."
