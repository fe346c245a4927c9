"""Values of tensors and arrays, as torch, numpy and their subclasses print them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from typing import Any

_NUMBER = r"(?:[-+]?(?:\d[\d_]*(?:\.\d*)?|\.\d+|nan\b|inf\b)(?:[eE][-+]?\d+)?j?|True\b|False\b|--(?=[\s,\]]))"
_OPENING = r"[\s\[({]*(?:\.\.\.,?\s*)?"
#: These print values, whatever stands behind the parenthesis.  Code that makes one (``torch.tensor(ids)``) stays.
_PRINTED = r"tensor|array|matrix|masked_array|nested_tensor|Tensor|Parameter|Buffer|Array|DeviceArray"
_KNOWN = re.compile(rf"(?<![\w.])(?P<name>{_PRINTED})\((?=\s*(?:data=|values=|'\w',\s*)?{_OPENING}{_NUMBER})")
#: Subclasses have names of their own.
_SUBCLASS = re.compile(rf"(?<![\w.])(?P<name>[A-Za-z_]\w*)\((?=\s*\[{_OPENING}{_NUMBER})")
#: They print sizes, and what is no tensor at all.
_OTHERS = frozenset(
    {"Size", "list", "tuple", "set", "frozenset", "deque", "range", "sum", "len", "min", "max", "sorted"}
)
#: The numbers, and what stands between them; where the text was cut off there is no end to look for.
_RUN = re.compile(rf"(?:[\s\[\](){{}},]|\.\.\.|{_NUMBER})*")
_FRACTION = re.compile(r"\d\.(?:\d|[\s,\]eE]|$)|\.\d|\d[eE][-+]?\d|\bnan\b|\binf\b|\bTrue\b|\bFalse\b|--|\dj\b")
_SUFFIX = re.compile(r"\s*,?\s*(?:dtype|device|grad_fn|requires_grad|size|layout|names|tangent|quantization_scheme)=")
_SCALAR = re.compile(
    rf"\b(?P<name>(?:np|numpy)\.(?:float|complex|longdouble|half|single|double)\w*)\({_NUMBER}[^()]*\)"
)
#: ``str`` of an array has no name and no commas, which no shape is without.
_BARE = re.compile(
    rf"\[[\[\s]*(?:\.\.\.\s*)?{_NUMBER}(?:[\[\]]*\s[\s\[\]]*(?:{_NUMBER}|\.\.\.(?=[\s\]])))+(?:[\s\]]*\]|(?=\s*$))"
)
_STORAGE = re.compile(rf"(?:\s*{_NUMBER}(?=\s))+\s*(?=\[torch\.(?:storage\.|\w*Storage\b))")
_FLOAT = r"[-+]?(?:\d+\.\d*|\.\d+|\d+(?:\.\d*)?[eE][-+]?\d+|nan|inf)"
#: ``tolist()`` of a tensor.
_LIST = re.compile(rf"\[\s*{_FLOAT}(?:\s*,\s*{_FLOAT})*\s*(?:\]|,?\s*(?:\.\.\.|$))")

#: Are these values of a tensor, if they stand behind this name?
Holds = Callable[[str, str], bool]


def hidden(text: str) -> str:
    """The text with the values of every printed tensor or array replaced by dots: ``tensor(...)``."""
    if "(" in text:
        text = _without(_KNOWN, text, _anything)
        text = _without(_SUBCLASS, text, _is_data)
        if "np." in text or "numpy." in text:
            text = _SCALAR.sub(r"\g<name>(...)", text)
    if "[" in text:
        text = _BARE.sub("[...]", text)
        if "torch." in text:
            text = _STORAGE.sub(" ", text)
    return text


def hidden_in_message(text: str) -> str:
    """The same for what an exception says: a list of fractions in it is a tensor's too, and no setting."""
    text = hidden(text)
    return _LIST.sub("[...]", text) if "[" in text else text


def _without(heads: re.Pattern[str], text: str, holds: Holds) -> str:
    pieces, kept, position = [], 0, 0
    while (head := heads.search(text, position)) is not None:
        position = head.end()
        end = _end(text, position)
        if holds(head["name"], text[position:end]):
            pieces += [text[kept:position], "...)"]
            kept = position = end
    return "".join([*pieces, text[kept:]])


def _anything(name: str, values: str) -> bool:
    return True


def _is_data(name: str, values: str) -> bool:
    """Is it a tensor that has this name, and no list of sizes in the call of a function?"""
    if name in _OTHERS:
        return False
    run = _RUN.match(values)
    assert run is not None, "it matches the empty text"
    if _SUFFIX.match(values, run.end()) or _SUFFIX.match(values, max(run.end() - 1, 0)):
        return True
    return (name[0].isupper() and _FRACTION.search(run[0]) is not None) or name in _subclasses()


def _subclasses() -> set[str]:
    """The names of all kinds of tensors and arrays that this process knows."""
    found: set[str] = set()
    waiting: list[Any] = [
        getattr(sys.modules[module], name)
        for module, name in (("torch", "Tensor"), ("numpy", "ndarray"))
        if module in sys.modules
    ]
    while waiting:
        kinds = type.__subclasses__(waiting.pop())
        found.update(kind.__name__ for kind in kinds)
        waiting += kinds
    return found


def _end(text: str, start: int) -> int:
    """Behind the parenthesis that closes what was opened before ``start``; where none does, behind the numbers."""
    depth = 1
    for bracket in _BRACKETS.finditer(text, start):
        depth += 1 if bracket[0] == "(" else -1
        if depth == 0:
            return bracket.end()
    run = _RUN.match(text, start)
    assert run is not None, "it matches the empty text"
    return start + len(run[0].rstrip(" \n[({"))


_BRACKETS = re.compile(r"[()]")
