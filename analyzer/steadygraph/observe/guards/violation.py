"""A violation as the walk sees it, and the violated guard that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from steadygraph.model import Asks, Aspect, Condition, Location, Owner, Term, ViolatedGuard
from steadygraph.observe.guards.asked import Asked
from steadygraph.observe.guards.sources import owner
from steadygraph.torch_private import wording
from steadygraph.torch_private.wording import without_addresses


@dataclass(frozen=True, slots=True)
class Violation:
    """What a guard asks of a source, expected and actual; path, owner and place follow from the source.

    Args:
        text: Of the guard, by which its line is found.
        suffix: What to append to the path: ``.dtype``.
        location: Where the guard was made, if that is known already.
    """

    source: str
    guard_type: str
    asks: Asks
    aspect: Aspect
    expected: str
    actual: str
    expected_type: str = ""
    actual_type: str = ""
    text: str = ""
    suffix: str = ""
    dim: int | None = None
    size: int | None = None
    key: str = ""
    terms: tuple[Term, ...] = ()
    by_chance: bool = False
    location: Location | None = None


def violated_guard(asked: Asked, seen: Violation) -> ViolatedGuard:
    """The violation with all that its source tells."""
    holder = Owner.AMBIENT if seen.aspect is Aspect.AMBIENT else owner(seen.source, asked.scope, asked.frame.names)
    return ViolatedGuard(
        source=seen.source,
        path=asked.readable(seen.source) + seen.suffix,
        guard_type=seen.guard_type,
        aspect=seen.aspect,
        owner=holder,
        expected=without_addresses(seen.expected),
        actual=without_addresses(seen.actual),
        location=seen.location or asked.places.of(seen.source, seen.text),
        expected_type=seen.expected_type,
        actual_type=seen.actual_type,
        dim=seen.dim,
        region=asked.frame.region,
        frame=asked.frame.function,
        size=seen.size,
        condition=_condition(seen, asked.frame.names.variables),
        checked=asked.frame.checked,
    )


def _condition(seen: Violation, variables: Sequence[str]) -> Condition:
    subject = wording.subject(seen.source, variables)
    return Condition(seen.asks, subject, without_addresses(seen.key), seen.terms, by_chance=seen.by_chance)
