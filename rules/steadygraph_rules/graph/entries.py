"""Code that the profile call compiles more than once, and what tells its entries apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from steadygraph.model import Aspect, GraphBreak, Location, Observation, SharedCode, Subject, ViolatedGuard
from steadygraph_rules.guard_rule import change

_NAMED_AT_MOST = 2
#: Of what never settles: each value is an entry.  A size becomes dynamic.
_VALUES = frozenset({Aspect.VALUE, Aspect.IDENTITY})


def told_apart(code: SharedCode) -> str:
    """``attribute `self.index` is 2 at first, 3 then``; empty if no guard is known."""
    told = [change(guard) for guard in code.told_apart[:_NAMED_AT_MOST]]
    return " and ".join(one.replace(" at profile,", " at first,").replace(" at serving", " then") for one in told)


def name(code: SharedCode) -> str:
    """The first value that the entries differ in and that has a name; empty if there is none."""
    named = (guard.path for guard in code.told_apart if guard.condition.subject is not Subject.STACK)
    return next(named, "")


def by_code(profile: Iterable[Observation]) -> Mapping[Location, Sequence[SharedCode]]:
    """The code that the profile call compiles more than once, in any of its regions."""
    found: dict[Location, list[SharedCode]] = {}
    for observation in profile:
        for code in observation.shared:
            found.setdefault(code.location, []).append(code)
    return found


def key(shared: Sequence[SharedCode]) -> ViolatedGuard | None:
    """The guard on a value that tells all entries of some code apart, each having another one."""
    values = [{guard.path: guard for guard in code.told_apart if guard.aspect in _VALUES} for code in shared]
    common = [path for path in values[0] if all(path in others for others in values)]
    return values[0][common[0]] if common else None


def reached_limit(one: GraphBreak, profile: Sequence[Observation]) -> bool:
    """Was the recompile limit reached in the profile call, by code whose entries have a key?"""
    shared = by_code(profile).get(one.location) if one.location else None
    return shared is not None and key(shared) is not None
