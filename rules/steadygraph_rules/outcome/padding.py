"""Does a padded length have to do with an error?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from steadygraph.model import ContainerNode, Evidence, Node, TensorNode, ValueNode

#: No length has more digits.
_MOST_DIGITS = 18
_NUMBER = re.compile(rf"(?<![\w.])\d{{1,{_MOST_DIGITS}}}(?![\w.])")
#: Dimensions in which tokens or rows are counted: the first, or the second behind a batch or a level.
_ROW_DIMS = 2


def padded_and_valid(evidence: Evidence) -> tuple[int, int] | None:
    """(padded, valid): two lengths of this call's inputs that the error names, the longer one first.

    The evidence is a tensor (or a number among the arguments) with as many rows as the error's larger number, another
    with as many as its smaller one, and a profile call in which the two tensors were equally long or one of them was
    absent.
    """
    if evidence.eager_error is None or evidence.call is None:
        return None
    named = {int(number) for number in _NUMBER.findall(evidence.eager_error.message)}
    sizes = dict(_lengths("", evidence.call))
    before = dict(_lengths("", evidence.profile_call)) if evidence.profile_call is not None else {}
    for long_path, long in sizes.items():
        for short_path, short in sizes.items():
            together = before.get(long_path) == before.get(short_path) or short_path not in before
            if long > short > 0 and {long, short} <= named and together:
                return long, short
    return None


def _lengths(path: str, node: Node) -> Iterator[tuple[str, int]]:
    if isinstance(node, ValueNode) and node.type == "int":
        if node.value.isdecimal() and len(node.value) <= _MOST_DIGITS:
            yield path, int(node.value)
    elif isinstance(node, TensorNode):
        for dim, size in enumerate(node.spec.shape[:_ROW_DIMS]):
            if isinstance(size, int):
                yield f"{path}.shape[{dim}]", size
    elif isinstance(node, ContainerNode):
        for accessor, child in node.children:
            yield from _lengths(path + accessor, child)
