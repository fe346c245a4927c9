"""Guards between several values: conditions on symbolic sizes, and inputs that were one object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from steadygraph.model import Asks, Aspect, Term
from steadygraph.observe.guards.asked import Asked
from steadygraph.observe.guards.violation import Violation
from steadygraph.observe.inputs.symbols import Numbering
from steadygraph.torch_private import wording
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.expressions import evaluate


def violated_shapes(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> list[str]:
    """The symbolic shape conditions that do not hold; fixed sizes are no shape guards, tensor guards check them."""
    scope = entry.scope(f_locals)
    return [text for text, _ in _conditions(entry) if evaluate(text, scope) is False]


def violations(asked: Asked) -> Iterator[Violation]:
    """The conditions that the frame does not satisfy."""
    yield from _sizes(asked)
    yield from _parted(asked)


def _texts(entry: CompiledFrame) -> Iterator[tuple[str, str]]:
    """(text, text with Dynamo's comment) of everything between several values."""
    for leaf in entry.guard_tree.relations:
        yield from ((wording.expression(part).strip(), part) for part in leaf.parts)


def _conditions(entry: CompiledFrame) -> Iterator[tuple[str, str]]:
    return ((text, part) for text, part in _texts(entry) if wording.aliases(text) is None)


# --- sizes and numbers ---------------------------------------------------------------------------------------


def _sizes(asked: Asked) -> Iterator[Violation]:
    for text, part in _conditions(asked.entry):
        if asked.value(text) is not False:
            continue
        small = _too_small(asked, text)
        yield from (_relation(asked, wording.from_two(source), part) for source in small)
        if not small or wording.is_by_chance(part):
            yield _relation(asked, text, part)


def _too_small(asked: Asked, text: str) -> list[str]:
    """Sizes that are 0 or 1: one that is to be equal to another has no bound of its own, but that of the other."""
    if not wording.is_equality(text):
        return []
    return [term.source for term in wording.terms(text) if term.dim is not None and asked.value(term.source) in (0, 1)]


def _relation(asked: Asked, text: str, part: str) -> Violation:
    named = wording.terms(text)
    number = Numbering().text
    terms = tuple(Term(asked.readable(t.source), number(asked.value(t.source)), t.dim) for t in named)
    return Violation(
        named[0].source if named else text,
        wording.SYMBOLS,
        _asks(text, terms),
        _aspect(text, named),
        asked.readable(text),
        ", ".join(dict.fromkeys(f"{term.path} = {term.value}" for term in terms)),
        expected_type="int",
        actual_type="int",
        text=text,
        dim=terms[0].dim if terms else None,
        terms=terms,
        by_chance=wording.is_by_chance(part),
        # The tensor's own guard stands where it is first read; the condition was made further down.
        location=asked.places.behind(part, first=_is_below(asked, text)),
    )


def _aspect(text: str, named: Sequence[wording.SourceTerm]) -> Aspect:
    if wording.is_distance(text):
        return Aspect.ALIASING
    return Aspect.STRIDE if named and all(wording.is_stride(term.source) for term in named) else Aspect.SHAPE


def _asks(text: str, terms: tuple[Term, ...]) -> Asks:
    if wording.is_distance(text):
        return Asks.ALIASING
    asks = wording.relation(text)
    # A range that is left at its upper end.
    left_above = asks is Asks.SIZE_FROM_TWO and not any(term.value in ("0", "1") for term in terms)
    return Asks.SIZE_RELATION if left_above else asks


def _is_below(asked: Asked, text: str) -> bool:
    """Is it the lower bound of a range that does not hold?"""
    lower = wording.lower_half(text)
    return lower is not None and asked.value(lower) is False


# --- objects -------------------------------------------------------------------------------------------------


def _parted(asked: Asked) -> Iterator[Violation]:
    for text, _ in _texts(asked.entry):
        pair = wording.aliases(text)
        if pair is not None and asked.value(text) is False:
            was = f"the same as {asked.readable(pair[0])}"
            yield Violation(pair[1], wording.ONE_OBJECT, Asks.SAME_OBJECT, Aspect.ALIASING, was, "an object of its own")
