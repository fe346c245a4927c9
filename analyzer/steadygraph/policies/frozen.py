"""What the graphs of the profile call do in every call: nothing is compiled again, whatever the guards would say."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from steadygraph.model import PROFILE, CompiledBy, Outcome, Policy
from steadygraph.policies import compiled_branch, inheritance
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import EAGER, CallResult, is_bad, outcome
from steadygraph.torch_private.entries import CompiledFrame


def outcomes(
    bench: Bench,
    policy: Policy,
    backend: str,
    admit: Callable[[CompiledFrame, Mapping[str, Any]], None] | None = None,
) -> Mapping[str, Outcome]:
    """What each call does on them.

    What the model's own code compiles keeps its guards, and compiles again where it did in the recording.

    Args:
        bench: What the recording left behind.
        policy: Whose outcomes these are.
        backend: Whose code runs the graphs.
        admit: May raise to refuse a call; never where all guards hold.  Asked with the entry and the frame's locals.
    """
    under = functools.partial(bench.session.guards_dropped, backend=backend, admit=admit)
    rounds = backend != EAGER
    results = bench.run(under(), rounds=rounds, shared=() if rounds else bench.as_dropped)
    own = bench.recompiles(CompiledBy.USER)
    noise = bench.noise(backend, results[PROFILE])

    def judged(name: str, result: CallResult) -> Outcome:
        return outcome(policy, backend, bench.eager[name], result, noise=noise, recompiles=own[name] or None)

    def is_right_alone(name: str) -> bool:
        return not is_bad(judged(name, bench.run_after_eager(name, under, rounds=rounds)))

    found = {name: judged(name, result) for name, result in results.items()}
    return compiled_branch.explained(bench, inheritance.told(found, results, is_right_alone), results)
