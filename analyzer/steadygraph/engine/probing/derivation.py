"""All changed calls that a profile call and its guards suggest, in the order in which they are tried.

Pure: structures and facts in, values out; the same for the same call in every run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from steadygraph.engine.probing import tensors, values
from steadygraph.engine.probing.places import Derived, Place, below
from steadygraph.engine.probing.values import Facts
from steadygraph.model import Change, Probe

AGAIN = Derived(Probe("call", Change.AGAIN, "", "once more"))
#: What tells most comes first: time may be up before all are tried.
_ORDER = (
    Change.AGAIN,
    Change.NONE,
    Change.VALUE,
    Change.KEYS,
    Change.SETTING,
    Change.LENGTH,
    Change.DTYPE,
    Change.SIZE,
    Change.DATA,
    Change.RANK,
    Change.TYPE,
    Change.REQUIRES_GRAD,
    Change.STRIDE,
    Change.OBJECT,
)


def derived(
    arguments: Sequence[Place],
    attributes: Sequence[Place],
    settings: Iterable[Derived],
    facts: Facts,
    read: frozenset[str] | None = None,
) -> list[Derived]:
    """Every changed call, each once.

    Args:
        arguments: Of the call.
        attributes: What guards read on the model and in module-level variables.
        settings: State of the process.
        facts: What the model's code compares.
        read: Names of what guards look at; None: not known.  What none looks at is tried last.
    """
    found = [AGAIN, *settings]
    places = [place for argument in arguments for place in below(argument)]
    found += _of_places(places, facts)
    held = [place for attribute in attributes for place in below(attribute)]
    for place in held:
        found += [*values.nones(place, facts), *values.constants(place, facts), *values.containers(place, facts)]
    order = {change: number for number, change in enumerate(_ORDER)}
    unique = {one.probe: one for one in reversed(found)}
    rest = sorted(reversed(unique.values()), key=lambda one: (_is_unread(one, read), order[one.probe.change]))
    return rest


def _of_places(places: Sequence[Place], facts: Facts) -> Iterator[Derived]:
    for place in places:
        yield from values.nones(place, facts)
        yield from values.constants(place, facts)
        yield from values.containers(place, facts)
    plain = tensors.plain(places)
    yield from tensors.dtypes(plain)
    yield from tensors.sizes(plain, facts.sizes)
    if plain:
        yield from tensors.data(plain)
    yield from tensors.ranks(plain)
    for place in plain:
        yield from tensors.strides(place)
        yield from tensors.grads(place)
    yield from values.objects(places)


def _is_unread(one: Derived, read: frozenset[str] | None) -> bool:
    if read is None or not one.steps or one.steps[0].root != "call":
        return False
    names = (path.partition(".shape[")[0] for path in one.probe.path.split(", "))
    return not any(name in read for name in names)
