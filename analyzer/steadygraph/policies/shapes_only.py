"""Policy ``shapes-only``: guards on symbolic shapes are kept, and a violated one raises (vLLM's evaluate_guards)."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from steadygraph.model import PROFILE, CompiledBy, Outcome, Policy
from steadygraph.observe.guards.relations import violated_shapes
from steadygraph.policies import compiled_branch, inheritance
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import EAGER, CallResult, GuardRefusedError, is_bad, noise_of, outcome
from steadygraph.torch_private.entries import CompiledFrame


class ShapesOnly:
    """All calls run on what the profile call compiled; those whose shapes it does not admit are refused.

    What the model's own code compiles keeps all of its guards, as under ``drop``.
    """

    policy = Policy.SHAPES_ONLY

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        under = functools.partial(bench.session.guards_dropped, backend=backend, admit=_refuse_other_shapes)
        rounds = backend != EAGER
        # Where all guards held, those on shapes did.
        results = bench.run(under(), rounds=rounds, shared=() if rounds else bench.as_dropped)
        own = bench.recompiles(CompiledBy.USER)
        noise = noise_of(backend, bench.eager[PROFILE], results[PROFILE])

        def judged(name: str, result: CallResult) -> Outcome:
            return outcome(self.policy, backend, bench.eager[name], result, noise=noise, recompiles=own[name] or None)

        def is_right_alone(name: str) -> bool:
            return not is_bad(judged(name, bench.run_after_eager(name, under, rounds=rounds)))

        outcomes = {name: judged(name, result) for name, result in results.items()}
        return compiled_branch.explained(bench, inheritance.told(outcomes, results, is_right_alone), results)


def _refuse_other_shapes(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> None:
    violated = violated_shapes(entry, f_locals)
    if violated:
        raise GuardRefusedError(f"shape guard violated: {violated[0]}")
