"""A forward that is another one than at profile: no guard of a frame can tell, since other code is another frame."""

from __future__ import annotations

from steadygraph.model import Asks, Aspect, Checked, Condition, Owner, ViolatedGuard
from steadygraph.observe.places import locations
from steadygraph.observe.run.watching import Forward, WatchedRegion

_TYPE = "function"
#: No guard of Dynamo's.
_GUARD_TYPE = "FORWARD"


def replaced_forward(region: WatchedRegion) -> ViolatedGuard:
    """What a guard would say, if there were one, of a region in whose place something else is compiled now."""
    assert region.profile_forward is not None
    name = getattr(region.forward.own, "__name__", "forward") if region.module is None else "forward"
    path = name if region.module is None else f"self.{name}"
    return ViolatedGuard(
        source="",
        path=path,
        guard_type=_GUARD_TYPE,
        aspect=Aspect.IDENTITY,
        owner=Owner.MODULE,
        expected=_named(region.profile_forward),
        actual=_named(region.forward),
        location=locations.of_function(region.forward.own),
        expected_type=_TYPE,
        actual_type=_TYPE,
        region=region.name,
        condition=Condition(Asks.IDENTITY),
        checked=Checked.ALWAYS if region.is_users else Checked.BY_POLICY,
    )


def _named(forward: Forward) -> str:
    return str(getattr(forward.own, "__qualname__", type(forward.own).__name__))
