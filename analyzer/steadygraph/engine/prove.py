"""The second step: what each deployment does with the calls, shown by running them."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence

from steadygraph.model import PROFILE, Consequence, Outcome, Policy, Recording
from steadygraph.policies import capture
from steadygraph.policies.bench import Bench
from steadygraph.policies.cuda_graph import CudaGraph
from steadygraph.policies.deployment import Deployment
from steadygraph.policies.drop import Drop
from steadygraph.policies.recompile import Recompile
from steadygraph.policies.shapes_only import ShapesOnly

#: In the order in which reports show them.
DEPLOYMENTS: tuple[Deployment, ...] = (Recompile(), Drop(), ShapesOnly(), CudaGraph())


def prove(recording: Recording, bench: Bench, policies: Collection[Policy], backends: Sequence[str]) -> Recording:
    """The recording with the outcomes of every call under these policies.

    Args:
        recording: What was observed.
        bench: What it left behind.
        policies: The deployments to judge.
        backends: How those that run captured graphs are proved.
    """
    obstacles = capture.obstacles(bench, recording.profile.syncs) if Policy.CUDA_GRAPH in policies else ()
    bench = dataclasses.replace(bench, obstacles=obstacles)
    proved = []
    for deployment in (one for one in DEPLOYMENTS if one.policy in policies):
        for backend in deployment.backends(backends):
            proved.append(deployment.outcomes(bench, backend))
    failed = obstacles if any(_fails_to_capture(outcomes[PROFILE]) for outcomes in proved) else ()
    calls = [
        dataclasses.replace(
            call, outcomes=tuple(outcomes[call.name] for outcomes in proved), syncs=capture.marked(call.syncs, failed)
        )
        for call in recording.calls
    ]
    return dataclasses.replace(recording, calls=tuple(calls), notes=(*recording.notes, *bench.remarks()))


def _fails_to_capture(profile: Outcome) -> bool:
    return profile.policy is Policy.CUDA_GRAPH and profile.consequence is Consequence.RAISES
