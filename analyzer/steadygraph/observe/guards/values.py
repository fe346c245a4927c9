"""The guards of a compiled frame as values."""

from __future__ import annotations

import functools
from collections.abc import Iterable

from steadygraph.model import Guard
from steadygraph.observe.places import locations
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.guards import MadeGuard
from steadygraph.torch_private.wording import without_addresses

#: A frame that is compiled again has most of its guards once more.
_text = functools.lru_cache(maxsize=4096)(without_addresses)


def capture(entry: CompiledFrame) -> tuple[Guard, ...]:
    """The guards of one compiled frame, each once."""
    return distinct(map(value, entry.guards))


def value(made: MadeGuard) -> Guard:
    """A guard as a value."""
    return Guard(
        source=_text(made.source),
        guard_type=made.kind,
        expressions=tuple(map(_text, made.expressions)),
        location=locations.of_stack(made.stack),
    )


def distinct(guards: Iterable[Guard]) -> tuple[Guard, ...]:
    """Each once: Dynamo makes some anew whenever a line is traced."""
    found = dict.fromkeys(guards)
    # One that Dynamo merged with another has no expression of its own.
    whole = {(guard.source, guard.guard_type, guard.location) for guard in found if guard.expressions}
    return tuple(g for g in found if g.expressions or (g.source, g.guard_type, g.location) not in whole)
