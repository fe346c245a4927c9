"""What the graphs of the profile call lack, compared with the graphs that a serving call needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from steadygraph.compare.reach import reach, recomputes
from steadygraph.model import Graph, GraphChange


def change(profile: Sequence[Graph], serving: Sequence[Graph]) -> GraphChange:
    """Compare the graphs that ran in two calls, in the order in which they ran.

    ``same`` is None if either side ran no graph: then there is nothing to compare.
    """
    same = are_same(profile, serving)
    if same is not False:
        return GraphChange(same=same)
    profile_ops, serving_ops = _ops(profile), _ops(serving)
    known = {i.name for g in profile for i in g.inputs}
    missing = dict.fromkeys(i.name for g in serving for i in g.inputs if i.name not in known)
    single = len(profile) == len(serving) == 1
    return GraphChange(
        same=False,
        missing_inputs=tuple(missing),
        missing_ops=tuple(sorted((serving_ops - profile_ops).items())),
        extra_ops=tuple(sorted((profile_ops - serving_ops).items())),
        reach=reach(profile[0], serving[0]) if single else None,
        recomputes=single and recomputes(profile[0], serving[0]),
    )


def are_same(profile: Sequence[Graph], serving: Sequence[Graph]) -> bool | None:
    """Are the graphs that ran in two calls the same?  None if either side ran no graph."""
    if not profile or not serving:
        return None
    return [graph.digest for graph in profile] == [graph.digest for graph in serving]


def _ops(graphs: Sequence[Graph]) -> Counter[str]:
    total: Counter[str] = Counter()
    for graph in graphs:
        total.update(dict(graph.ops))
    return total
