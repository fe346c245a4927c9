"""What became of each region: how much of it was compiled, and if nothing was, why."""

from __future__ import annotations

from collections.abc import Sequence

from steadygraph.model import PROFILE, Observation, Region, Uncompiled
from steadygraph.observe.places import locations
from steadygraph.observe.run.watching import WatchedRegion

_MODES = "dispatch_modes"


def compiled_region(region: WatchedRegion, observations: Sequence[Observation]) -> Region:
    """The value of a region.

    Args:
        region: It was compiled and called.
        observations: Of all regions, in all calls.
    """
    own = [one for one in observations if one.region == region.name and one.call == PROFILE]
    return Region(
        name=region.name,
        location=locations.of_function(region.forward.own),
        guards=sum(len(one.guards) for one in own),
        # One that runs for several sizes at start-up is one.
        graphs=len({graph.digest for one in own for graph in one.graphs}),
        graph_breaks=sum(len(one.breaks) for one in own),
        # What the model's own code compiles is up to it, and may have been compiled before.
        uncompiled=None if region.is_users or any(map(_tells, own)) else _uncompiled(region, own, observations),
        compiled_by=region.compiled_by,
    )


def _tells(observation: Observation) -> bool:
    """Something was compiled, or is known to have been given up on or refused."""
    tried = observation.graphs or observation.first_compiles or observation.breaks
    return bool(tried) or observation.error is not None


def _uncompiled(
    region: WatchedRegion, own: Sequence[Observation], observations: Sequence[Observation]
) -> Uncompiled | None:
    if not own:
        # One that serving alone reaches is compiled there; one inside of another is compiled with it.
        reached = any(one.region == region.name or _encloses(one, region) for one in observations)
        return None if reached else Uncompiled.UNREACHED
    if region.looked_at:
        return Uncompiled.NO_OPERATION
    modes = any(dict(one.ambient.values).get(_MODES, "none") != "none" for one in own)
    return Uncompiled.DISPATCH_MODE if modes else Uncompiled.SWITCHED_OFF


def _encloses(observation: Observation, region: WatchedRegion) -> bool:
    name = observation.region
    return bool(observation.graphs) and (not name or region.name.startswith(f"{name}."))
