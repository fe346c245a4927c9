"""Sizes and conditions on sizes, as guards write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from steadygraph.model import ViolatedGuard

#: A size (``x.shape[0]``) or an int argument (``n``) in the words of the user.
_SIZE = r"[A-Za-z_][\w.'\[\]]*?\.shape\[\d+\]"
_TERM = rf"(?:{_SIZE}|[A-Za-z_]\w*)"
_EQUAL_TERMS = re.compile(rf"{_TERM} == {_TERM}|Eq\({_TERM}, {_TERM}\)")
_ZERO_ONE_BOUND = re.compile(rf"2 <= {_TERM}(?: <=? \d+)?|1 < {_TERM}|{_TERM} (?:!= [01]|>= 2|> 1)|Ne\({_TERM}, [01]\)")
_STORE = re.compile(r"\._(?:modules|parameters|buffers)\['(\w+)'\]")
_NAMESPACE = re.compile(r"\b[LG]\['(\w+)'\]")
_TENSOR_PROPERTY = re.compile(
    r"\.(?:shape\[\d+\]|stride\[\d+\]|shape|stride|ndim|dtype|device|requires_grad|is_inference\(\))$"
)
_ACTUAL_SIZE = re.compile(r"= (\d+)\b")


def readable(expression: str) -> str:
    """Dynamo's expression in the words of the user: ``2 <= L['x'].size()[0]`` -> ``2 <= x.shape[0]``."""
    text = _STORE.sub(lambda found: f"[{found[1]}]" if found[1].isdigit() else f".{found[1]}", expression)
    return _NAMESPACE.sub(r"\1", text.replace(".size()", ".shape").replace(".stride()", ".stride"))


def tensor_path(path: str) -> str:
    """``x.shape[0]`` -> ``x``: the tensor that a path is about."""
    return _TENSOR_PROPERTY.sub("", path)


def is_equality(condition: str) -> bool:
    """Is a condition, in the words of the user, that two sizes are equal?"""
    return _EQUAL_TERMS.fullmatch(condition) is not None


def is_zero_one_bound(condition: str, actual: str) -> bool:
    """Does a condition keep 0 and 1 out, and is one of the sizes in ``actual`` (``x.shape[0] = 1``) 0 or 1?"""
    return _ZERO_ONE_BOUND.fullmatch(condition) is not None and any(int(s) < 2 for s in _ACTUAL_SIZE.findall(actual))


def tensors(guards: Iterable[ViolatedGuard]) -> set[tuple[str, str]]:
    """The tensors that guards are about; relations between sizes are about all of theirs."""
    found = set()
    for guard in guards:
        found.add((guard.region, tensor_path(guard.path)))
        found |= {(guard.region, name) for name in re.findall(r"([^\s,]+?)\.(?:shape|stride)\[\d+\] = ", guard.actual)}
    return found
