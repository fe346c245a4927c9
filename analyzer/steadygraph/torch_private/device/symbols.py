"""Conditions on sizes and numbers that only values tell: who asks about them, and what is answered.

torch keeps the symbols, and what is known of them, in a ShapeEnv: ours for the tensors of a simulated device, another
one for each trace of Dynamo's.
"""

from __future__ import annotations

import contextlib
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from steadygraph.torch_private.replacement import replaced

_MEMBERS = {
    "torch.fx.experimental.symbolic_shapes.ShapeEnv": (
        "cleanup create_unbacked_symint evaluate_expr(size_oblivious) guard_or_defer_runtime_assert "
        "pending_fresh_unbacked_symbols replace size_like var_to_range"
    ),
    "torch.fx.experimental.sym_node.SymNode": "_hint has_hint",
}

#: Asked about a condition on symbols that torch cannot decide: True, False, or None to let it raise.
Decide = Callable[[Any, Any], bool | None]

#: No size and no number of a model.
_STAND_IN = -0x5EAD_66AF_4E75
_BUILDER = str(Path("_dynamo") / "variables" / "builder.py")
#: Files between an operator on a symbol, or a guard, and the one who asks.
_BETWEEN = (
    str(Path("torch") / "fx" / "experimental"),
    str(Path("torch") / "_dynamo" / "eval_frame.py"),  # torch.compiler.disable
    __file__,
)
_OPERATORS_ON_SYMBOLS = str(Path("torch") / "__init__.py")
_AFTER_COMPILATION = str(Path("_dynamo") / "guards.py")


def environment() -> Any:
    """What a fake mode needs to go on where it lacks values."""
    from torch.fx.experimental.symbolic_shapes import ShapeEnv

    return ShapeEnv()


def forget(shape_env: Any) -> None:
    """Let go of all that it holds."""
    shape_env.cleanup()


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


def names(condition: Any) -> list[str]:
    """The symbols in a condition, sorted by name."""
    return sorted(map(str, condition.free_symbols))


def fixed_by(equality: Any) -> tuple[Any, int] | None:
    """The symbol and its number, if an equality is one between these two."""
    numbers = [side for side in equality.args if side.is_Integer]
    symbols = [side for side in equality.args if side.is_Symbol]
    return (symbols[0], int(numbers[0])) if len(numbers) == len(symbols) == 1 else None


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


def undecided_error() -> type[RuntimeError]:
    """What torch raises for a condition on symbols that it cannot decide."""
    from torch.fx.experimental.symbolic_shapes import GuardOnDataDependentSymNode

    return GuardOnDataDependentSymNode


def asking_frame(beside: Sequence[str]) -> tuple[types.FrameType | None, bool]:
    """The frame that asks about a symbol, and whether it does so by a Python operator (``if``, ``and``, ``bool``).

    Args:
        beside: What the paths of further files hold that nobody asks in.
    """
    by_operator = False
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if path.endswith(_OPERATORS_ON_SYMBOLS):
            by_operator = True
        elif not any(part in path for part in (*_BETWEEN, *beside)):
            break
        frame = frame.f_back
    return frame, by_operator


def is_made_now(frame: types.FrameType | None) -> bool:
    """Is it the check that Dynamo makes of new guards, in C++ or in a function that it generated?"""
    if frame is not None and frame.f_code.co_filename.startswith("<"):
        frame = frame.f_back
    return frame is not None and frame.f_code.co_filename.endswith(_AFTER_COMPILATION)


@contextlib.contextmanager
def untraced() -> Iterator[None]:
    """A block in which Dynamo leaves the algebra of symbols alone: on a real device the user's code runs none of it."""
    from torch._dynamo import trace_rules

    skipped = {"SKIP_DIRS": [*trace_rules.SKIP_DIRS], "SKIP_DIRS_RE": trace_rules.SKIP_DIRS_RE}
    with replaced(trace_rules, skipped):
        trace_rules.add("sympy")
        yield
