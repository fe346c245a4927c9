"""Policy ``recompile``: stock torch.compile.  Guards are kept, a violated guard recompiles."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from torch import nn

from steadygraph.case.case import Case
from steadygraph.model import PROFILE, Outcome, Policy
from steadygraph.observe.run.session import CompileSession
from steadygraph.policies import compiled_branch, inheritance
from steadygraph.policies.bench import Bench
from steadygraph.policies.effects import Comparer
from steadygraph.policies.runs import EAGER, CallResult, lefts, outcome, run_calls


def run(
    case: Case,
    model: nn.Module,
    session: CompileSession,
    eager: Mapping[str, CallResult],
    around: Callable[[str], AbstractContextManager[Any]] = contextlib.nullcontext,
) -> dict[str, CallResult]:
    """The observed run: everything that the other policies need is captured here.

    Args:
        case: Gives the calls.
        model: In the state in which they start.
        session: Compiles and observes.
        eager: What each call gives in eager mode.
        around: Gives a block to run each call in.
    """

    @contextlib.contextmanager
    def calling(call: str) -> Iterator[None]:
        with session.calling(call), around(call):
            yield

    with session.guards_kept():
        watch = Comparer(lefts(eager))
        results = run_calls(case, model, mark=True, on_start=session.start, watching=calling, watch=watch)
    if session.failure is not None:
        raise session.failure
    return results


class Recompile:
    """The recording is the proof; under another back end what it compiled answers the same calls once more."""

    policy = Policy.RECOMPILE

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        """What each call did, and how many frames it had to compile again."""
        recompiles = bench.recompiles()
        results = bench.reproducible(bench.kept) if backend == EAGER else answered_again(bench, backend)
        noise = bench.noise(backend, results[PROFILE])

        def is_right_alone(name: str) -> bool:
            """What was different before the call is the cause, if it did no harm itself: compiling it again costs."""
            effects = results[name].effects
            return bool(effects.before) and all(effect.since is not None for effect in effects.wrong)

        outcomes = {
            name: outcome(self.policy, backend, bench.eager[name], result, recompiles=recompiles[name], noise=noise)
            for name, result in results.items()
        }
        return compiled_branch.explained(bench, inheritance.told(outcomes, results, is_right_alone), results)


def answered_again(bench: Bench, backend: str) -> dict[str, CallResult]:
    """What each call gives when the graphs of another back end run; where that is no proof, its result is unknown."""
    kept = bench.session.kept_entries()
    asked = bench.session.guards_asked(kept, backend=backend)
    results = bench.run(asked, on_start=kept.start, rounds=True, mark=True)
    return {name: replace(one, unknown=one.unknown or name in kept.unanswered) for name, one in results.items()}
