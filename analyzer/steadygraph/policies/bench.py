"""A model whose calls were recorded, on the bench: the live objects that a proof under another policy starts from."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace

from torch import nn

from steadygraph.case.case import Case
from steadygraph.model import PROFILE, CompiledBy, Sync
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.state.state import ModelState
from steadygraph.observe.state.touched import Place
from steadygraph.policies import proof
from steadygraph.policies.effects import Comparer
from steadygraph.policies.rounding import Noise, largest_noise
from steadygraph.policies.runs import (
    EAGER,
    UNREPEATABLE,
    CallResult,
    lefts,
    run_after_eager,
    run_calls,
    run_eager,
    unrepeatable,
    without,
)
from steadygraph.policies.shared import Beginnings, begins_afresh, leading


@dataclass(frozen=True, eq=False)
class Bench:
    """What the recording left behind.

    Args:
        case: Gives the calls.
        model: In whatever state; ``state`` brings it back to the one in which each pass starts.
        state: That of the model before its first call.
        regions: (name, module) pairs of what is compiled.
        session: Holds what was compiled in the profile call.
        eager: The truth: what each call gives in eager mode, or a fresh model or the case's reference instead.
        kept: What it gives where guards are kept.
        beginnings: What the calls of the eager pass found.
        device: The type of the device that the case wants; "" for the CPU.
        obstacles: What is in the way of capturing the regions in the profile call.
    """

    case: Case
    model: nn.Module
    state: ModelState
    regions: Sequence[tuple[str, nn.Module]]
    session: CompileSession
    eager: Mapping[str, CallResult]
    kept: Mapping[str, CallResult]
    beginnings: Beginnings
    device: str = ""
    obstacles: Sequence[Sync] = ()
    #: Calls that were run in eager mode once more.
    _repeated: dict[str, CallResult] = field(default_factory=dict, init=False)

    def run(
        self,
        under: AbstractContextManager[None],
        on_start: Callable[[str], None] | None = None,
        *,
        rounds: bool = False,
        tensors_only: bool = False,
        shared: Collection[str] = (),
        mark: bool = False,
    ) -> dict[str, CallResult]:
        """Run all calls once more, from the state in which the recording began, in a block that brings the policy.

        Args:
            under: The block.
            on_start: Told the name of each call before it.
            rounds: Numbers are rounded otherwise than in eager mode.
            mark: Apply the case's ``mark`` to the profile inputs: guards look at it.
            tensors_only: Of what a call leaves behind, Python values are not compared.
            shared: Calls that do here what they do where guards are kept.
        """
        if len(shared) == len(self.kept):
            return self.reproducible(self.kept)
        self.state.restore()
        watch = self.comparer(rounds=rounds, tensors_only=tensors_only)
        with under:
            results = run_calls(
                self.case,
                self.model,
                mark=mark,
                on_start=on_start,
                watching=self.session.calling,
                watch=watch,
                besides=shared,
            )
        return self.reproducible({name: self.kept[name] for name in shared} | results)

    def comparer(self, *, rounds: bool, tensors_only: bool = False) -> Comparer:
        """What holds a pass against what eager mode left behind."""
        largest_noise = self.largest_noise if rounds else 0.0
        return Comparer(lefts(self.eager), largest_noise=largest_noise, tensors_only=tensors_only)

    @functools.cached_property
    def largest_noise(self) -> float:
        """How much a back end may round otherwise than eager mode, relative to the root mean square."""
        return largest_noise(self.session.dtypes())

    def noise(self, backend: str, profile: CallResult) -> Noise | None:
        """How a back end rounds, as its profile call shows it; None where that does not count.

        The eager back end calls the very kernels of eager mode: its results are held to the usual tolerance.
        """
        eager = self.eager[PROFILE]
        if backend == EAGER or not eager.output or not profile.output:
            return None
        return proof.noise(eager.output, profile.output, self.largest_noise)

    @functools.cached_property
    def as_dropped(self) -> tuple[str, ...]:
        """The first calls, which ran with guards kept what runs if they are dropped."""
        return leading(self.eager, self.kept, self.beginnings, self.session.answers.as_dropped)

    def run_after_eager(
        self,
        scenario: str,
        under: Callable[[], AbstractContextManager[None]],
        on_start: Callable[[str], None] | None = None,
        *,
        rounds: bool = False,
        tensors_only: bool = False,
    ) -> CallResult:
        """Run one scenario, and the profile call, under a policy, and all calls between them in eager mode.

        So it finds what eager mode leaves behind, and no more than that.  Arguments are those of :meth:`run`, but that
        ``under`` makes a block for each of the two calls.
        """
        self.state.restore()
        watch = self.comparer(rounds=rounds, tensors_only=tensors_only)
        result = run_after_eager(self.case, self.model, scenario, under, watch, on_start, self.session.calling)
        return self.reproducible({scenario: result})[scenario]

    def recompiles(self, *compiled_by: CompiledBy) -> dict[str, int]:
        """How many frames each call compiled again in the recording, of regions that these compiled; none: of all."""
        found = dict.fromkeys(self.kept, 0)
        makers = {region.name: region.compiled_by for region in (*self.session.regions, *self.session.entry_points)}
        for observation in self.session.observations:
            if makers[observation.region] in (compiled_by or CompiledBy):
                found[observation.call] += observation.recompiles
        return found

    def reproducible(self, results: Mapping[str, CallResult]) -> dict[str, CallResult]:
        """The same without effects that a second eager pass has too: clocks, names of objects, counters of the process.

        That pass is run only if there is something to explain; whoever judges outputs can have a call repeated, too.
        """
        told = {
            name: replace(result, again=functools.partial(self._once_more, name)) for name, result in results.items()
        }
        if not any(result.effects.wrong or result.effects.before for result in results.values()):
            return told
        return {name: without(result, self._unstable) for name, result in told.items()}

    def remarks(self) -> Iterator[str]:
        """A sentence about each call whose result is another one each time, as far as that was looked at."""
        for name in self.eager:
            result = self.eager[name].leaking or self.eager[name]
            luck = unrepeatable(result, self._repeated[name]) if name in self._repeated else ()
            if luck:
                yield f"{name}: {UNREPEATABLE} ({luck[0]}); a policy that differs there is not taken for wrong"

    def _once_more(self, name: str) -> CallResult:
        """A call in eager mode, alone if those before it do not matter."""
        if name not in self._repeated:
            alone = begins_afresh(name, self.eager, self.beginnings)
            self._repeat(besides=self.eager.keys() - {name} if alone else ())
        return self._repeated[name]

    def _repeat(self, besides: Collection[str] = ()) -> None:
        self.state.restore()
        watch = Comparer(lefts(self.eager))
        self._repeated.update(run_eager(self.case, self.model, watch=watch, besides=besides))

    @functools.cached_property
    def _unstable(self) -> frozenset[Place]:
        self._repeat()
        again = self._repeated.values()
        return frozenset(effect.place for result in again for effect in result.effects.wrong)
