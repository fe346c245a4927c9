"""Sizes and numbers that only the values of a tensor tell: torch writes them as symbols, ``u0``, ``u1``, ...

torch numbers them as they come, two runs of one model differently.  Text that is to be compared numbers them in the
order in which they appear.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

#: Unbacked symbols: of ints, and of floats.
_SYMBOL = re.compile(r"\b(?:u|zuf)\d+\b")
#: Types of symbolic numbers, and what the code that uses them takes them for.
NUMBERS: dict[type, str] = {torch.SymInt: "int", torch.SymFloat: "float", torch.SymBool: "bool"}

#: Asked about a condition on symbols that torch cannot decide: True, False, or None to let it raise.
Decide = Callable[[Any, Any], bool | None]


def is_unknown(value: Any) -> bool:
    """Is this a number that depends on values which nobody has?"""
    return type(value) in NUMBERS and _SYMBOL.search(str(value.node.expr)) is not None


def has_unknown_size(tensor: torch.Tensor) -> bool:
    return any(is_unknown(size) for size in tensor.shape)


def same_shape(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Do two tensors have one shape, as far as it is known?"""
    pairs = zip(one.shape, other.shape, strict=False)
    return one.dim() == other.dim() and all(is_unknown(a) or is_unknown(b) or a == b for a, b in pairs)


def symbols_of(value: Any) -> set[str]:
    """The symbols in a number, or in the sizes of a tensor."""
    if isinstance(value, torch.Tensor):
        return {name for size in value.shape for name in symbols_of(size)}
    return set(_SYMBOL.findall(str(value.node.expr))) if type(value) in NUMBERS else set()


class Numbering:
    """Symbols by the order in which they are asked for."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def size(self, size: int | torch.SymInt) -> int | str:
        """A size as it is written: a number, or text of symbols."""
        if type(size) is int:
            return size
        text = self.text(size)
        return int(text) if text.isdecimal() else text

    def text(self, value: object) -> str:
        return _SYMBOL.sub(lambda found: self._names.setdefault(found[0], f"u{len(self._names)}"), str(value))


def environment() -> Any:
    """What a fake mode needs to go on where it lacks values."""
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    return ShapeEnv()


def fresh(shape_env: Any) -> list[Any]:
    """The symbols that were made since this was last asked."""
    made: list[Any] = list(shape_env.pending_fresh_unbacked_symbols)
    shape_env.pending_fresh_unbacked_symbols.clear()
    return made


def require(shape_env: Any, symbol: Any, number: int) -> None:
    """From now on the symbol is this number."""
    import sympy

    shape_env.guard_or_defer_runtime_assert(sympy.Eq(symbol, number), "the size in an earlier run")


def assume(shape_env: Any, condition: Any, holds: bool) -> None:
    """From now on the condition holds, or does not."""
    import sympy

    shape_env.guard_or_defer_runtime_assert(condition if holds else sympy.Not(condition), "a check of the model")


def value_of(shape_env: Any, symbol: Any) -> int | None:
    """The number that the operators which took the symbol require it to be."""
    expression = shape_env.replace(symbol)
    return int(expression) if expression.is_Integer else None


def is_equality(condition: Any) -> bool | None:
    """True for ``a == b``, False for ``a != b``, None for anything else."""
    import sympy

    if isinstance(condition, sympy.Eq):
        return True
    return False if isinstance(condition, sympy.Ne) else None


def is_truth(shape_env: Any, condition: Any) -> bool:
    """Is it the truth of a bool tensor that is asked for, not a size or a number?"""
    ranges = [shape_env.var_to_range.get(symbol) for symbol in condition.free_symbols - set(shape_env.size_like)]
    return bool(ranges) and all(one is not None and (one.lower, one.upper) == (0, 1) for one in ranges)


def holds_in_general(shape_env: Any, condition: Any) -> bool | None:
    """The answer for sizes that are neither 0 nor 1, as torch itself assumes of unknown ones; None if it depends."""
    try:
        return bool(shape_env.evaluate_expr(condition, size_oblivious=True))
    except undecided_error():
        return None


def deciding(decide: Decide, refusal: Callable[[Any, Any], Exception | None]) -> tuple[object, dict[str, object]]:
    """What to set, on which class, so that ``decide`` is asked where torch would raise.

    Where it cannot tell either, ``refusal`` is raised in place of torch's own exception, if there is one.
    """
    import sympy
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    evaluate = ShapeEnv.evaluate_expr

    def evaluate_expr(self: Any, condition: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return evaluate(self, condition, *args, **kwargs)
        except undecided_error():
            answer = None if kwargs.get("size_oblivious") else decide(self, condition)
            if answer is not None:
                return sympy.true if answer else sympy.false
            refused = refusal(self, condition)
            if refused is None:
                raise
            raise refused from None

    return ShapeEnv, {"evaluate_expr": uncompiled(evaluate_expr)}


def uncompiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, left alone by Dynamo: where a region is not compiled, it asks about every function that runs."""
    disable: Any = torch.compiler.disable
    return disable(function)  # type: ignore[no-any-return]


def as_inputs_of_regions() -> list[tuple[object, dict[str, object]]]:
    """What to set, on which class, so that Dynamo takes an unknown int for an input like any other.

    torch 2.13 does so with unknown sizes and truths, and breaks the graph at an int, because it has no hint.  Where the
    builder of inputs asks for one it gets a number by which the symbol is then recognised.
    """
    from torch.fx.experimental.sym_node import SymNode
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    create, hint = ShapeEnv.create_unspecified_symint_and_symbol, vars(SymNode)["hint"]

    def is_asked(node: Any) -> bool:
        return node._hint is None and sys._getframe(2).f_code.co_filename.endswith(_BUILDER)

    def create_symint(self: Any, value: int, *args: Any, **kwargs: Any) -> Any:
        return self.create_unbacked_symint() if value == _STAND_IN else create(self, value, *args, **kwargs)

    answers: dict[str, object] = {
        "has_hint": lambda self: self._hint is not None or is_asked(self),
        "hint": property(lambda self: _STAND_IN if is_asked(self) else hint.fget(self)),
    }
    return [(SymNode, answers), (ShapeEnv, {"create_unspecified_symint_and_symbol": create_symint})]


#: No size and no number of a model.
_STAND_IN = -0x5EAD_66AF_4E75
_BUILDER = str(Path("_dynamo") / "variables" / "builder.py")


def undecided_error() -> type[RuntimeError]:
    """What torch raises for a condition on symbols that it cannot decide."""
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    return GuardOnDataDependentSymNode
