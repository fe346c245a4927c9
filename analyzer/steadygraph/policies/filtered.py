"""What a filter of guards does: every call compiled with it, in their order; a guard that is left recompiles."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.model import PROFILE, Outcome, Policy
from steadygraph.observe.run.guard_work import GuardWork
from steadygraph.observe.run.session import CompileSession
from steadygraph.policies import recompile
from steadygraph.policies.backends import compilers
from steadygraph.policies.bench import Bench
from steadygraph.policies.recompile import Recompile
from steadygraph.policies.runs import EAGER

#: The policies that are filters of torch's own, by their names there.
TORCHS_OWN = tuple(policy for policy in Policy if policy.value in torch_private.filters())
Around = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Filtered:
    """One of torch's own filters."""

    policy: Policy

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        work = GuardWork(torch_private.filters()[self.policy.value])
        return outcomes(bench, self.policy, backend, work)


@dataclass(frozen=True, slots=True)
class GuardsSkipped:
    """The stance under which Dynamo asks only what tells its entries apart, from the first serving call on."""

    policy = Policy.SKIP_GUARD_EVAL

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return asked

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        def around(call: str) -> AbstractContextManager[Any]:
            if call == PROFILE:
                return contextlib.nullcontext()
            stance: Any = torch.compiler.set_stance(skip_guard_eval_unsafe=True)
            return stance  # type: ignore[no-any-return]

        return outcomes(bench, self.policy, backend, GuardWork(), around)


def outcomes(
    bench: Bench, policy: Policy, backend: str, work: GuardWork, around: Around = contextlib.nullcontext
) -> Mapping[str, Outcome]:
    """What each call does: compiled anew, with these guards alone.

    Args:
        bench: What the recording left behind.
        policy: Whose outcomes these are.
        backend: Whose code runs the graphs.
        work: Has the filter.
        around: Gives a block to run each call in.
    """
    with _compiled(bench, backend, work, around) as again:
        found = Recompile().outcomes(again, backend)
        answers = again.session.answers
        return {name: replace(one, policy=policy, of_profile=answers.as_dropped(name)) for name, one in found.items()}


@contextlib.contextmanager
def _compiled(bench: Bench, backend: str, work: GuardWork, around: Around) -> Iterator[Bench]:
    """A block with a bench on which every call was compiled once more."""
    simulated = bench.session.simulated
    backends: dict[str, Any] = {} if simulated or backend == EAGER else compilers(bench.case, (EAGER, backend))
    bench.state.restore()
    with torch_private.code_unseen():
        session = CompileSession(
            bench.regions,
            options=bench.session.options,
            backends=backends,
            at_serving=True,
            model=bench.model,
            simulated=simulated,
            guards=work,
        )
        with contextlib.closing(session):
            results = recompile.run(bench.case, bench.model, session, bench.eager, around)
            yield replace(bench, session=session, kept=results)
