"""Observes the models that an engine compiles itself, with all guards dropped."""

from __future__ import annotations

import types
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from steadygraph.compare import graphs
from steadygraph.errors import raised
from steadygraph.live import arguments
from steadygraph.live.call import LiveCall
from steadygraph.live.engines.backend import EngineBackend
from steadygraph.live.engines.rebuilt import Rebuilt, marked
from steadygraph.live.hearing import Hearing
from steadygraph.live.observer import LiveObserver
from steadygraph.live.recognition import Sight
from steadygraph.live.region import LiveRegion
from steadygraph.live.scenario import Check, Scenario
from steadygraph.model import PROFILE, Checked, Graph, Observation
from steadygraph.observe.guards import closest
from steadygraph.observe.guards.relations import violated_shapes
from steadygraph.observe.run import shadow
from steadygraph.observe.run.watching import OpenCall
from steadygraph.redaction.text import redacted
from steadygraph.torch_private import EntryPoint
from steadygraph.torch_private.entries import CompiledFrame
from steadygraph.torch_private.guards import GuardTree


class NothingCompiledError(RuntimeError):
    """Dynamo makes no graph of a model that the engine has compiled."""


@dataclass(frozen=True, slots=True)
class _Structure:
    """What tells a scenario from others: asked of calls whose arguments look the same.

    Args:
        holds: Do the guards say what they said of its first call, those of the model and of globals included?
        sizes: Conditions on sizes that its first call violated.
    """

    holds: Check
    sizes: frozenset[str]


class EngineObserver(LiveObserver):
    """The observer of a process, for models whose calls an engine tells of.

    Args:
        found: As for :class:`LiveObserver`.
        failed: As for :class:`LiveObserver`.
        structures: As for :class:`LiveObserver`.
        every: As for :class:`LiveObserver`.
        proves: Have Dynamo trace what the first call of each structure would have needed.
    """

    def __init__(
        self,
        *,
        found: Callable[[LiveRegion, Scenario | None], object],
        failed: Callable[[str], object],
        structures: int,
        every: int,
        proves: bool,
    ) -> None:
        super().__init__(wanted=lambda _point: True, found=found, failed=failed, structures=structures, every=every)
        self._proves = proves
        #: That calls have waited for us.
        self.seconds = 0.0
        self._told_apart: weakref.WeakKeyDictionary[Scenario, _Structure] = weakref.WeakKeyDictionary()
        #: Of calls that are being looked at.
        self._rebuilt: weakref.WeakKeyDictionary[OpenCall, Rebuilt] = weakref.WeakKeyDictionary()

    def hear(self, forward: Callable[..., Any], backend: EngineBackend) -> Hearing:
        """Who is to be told of the calls of a model.

        Args:
            forward: Its forward, bound.
            backend: What it is compiled with.
        """
        return self.entry_point(
            EntryPoint(
                function=forward,
                fullgraph=True,
                dynamic=False,
                recompile_limit=None,
                filters_guards=True,
                backend=backend,
                isolated=-1,
            )
        )

    # --- the first call -----------------------------------------------------------------------------

    def entry_returned(self, call: Any, result: Any) -> None:
        if self._calls.has(call.open) and not self.closed:
            with self._giving_up(call.region):
                if call.open.call == PROFILE:
                    self._learn(call)
                elif call.sight.answering is not None:
                    call.open.graphs += call.sight.answering.graphs
        super().entry_returned(call, result)

    def _learn(self, call: LiveCall) -> None:
        """Have Dynamo trace the call once more: the engine keeps no guards, or has loaded what was compiled before."""
        region = call.region
        f_locals = marked(call.sight.f_locals, _backend(region).dims)
        entry = shadow.alone(region.watched.forward.function, f_locals, sizes_apart=True)
        if entry is None or region.watched.code is None:
            raise NothingCompiledError("Dynamo makes no graph of it")
        entry.code = region.watched.code  # it was traced from a twin
        self._entries.add(region.watched, entry, ())
        region.watched.answered_by(entry)
        call.open.compiled.append(entry)
        call.open.graphs += entry.graphs

    # --- later calls --------------------------------------------------------------------------------

    def _opened(
        self,
        region: LiveRegion,
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
        late: types.CodeType | None,
        ran: CompiledFrame | None,
    ) -> LiveCall | None:
        call = super()._opened(region, args, kwargs, late, ran)
        if call is not None and call.open.call != PROFILE and call.open.violated:
            self._rank(call)
        return call

    def _counts(self, region: LiveRegion, sight: Sight) -> bool:
        sizes = _sizes(region, sight.f_locals) if sight.answering is None else frozenset[str]()
        known = next((one for one in region.scenarios.values() if self._is_like(one, sizes, sight.f_locals)), None)
        if known is None and len(region.scenarios) >= self._structures:
            known = region.beyond
        if known is None:
            return False
        region.remember(sight.f_locals, known)
        known.count()
        return True

    def _is_like(self, scenario: Scenario, sizes: frozenset[str], f_locals: Mapping[str, Any]) -> bool:
        known = self._told_apart.get(scenario)
        return known is not None and known.sizes == sizes and known.holds(f_locals)

    def _key(self, call: LiveCall) -> Hashable:
        sizes = _sizes(call.region, call.sight.f_locals) if call.sight.answering is None else frozenset[str]()
        return call.sight.coarse, frozenset(call.open.violated), sizes

    def _scenario(self, call: LiveCall) -> Scenario:
        scenario = super()._scenario(call)
        if scenario not in self._told_apart:
            whole = GuardTree(_first(call.region).guard_manager)
            sizes = _sizes(call.region, call.sight.f_locals) if call.sight.answering is None else frozenset[str]()
            self._told_apart[scenario] = _Structure(_alike(whole, _sources(call), call.sight.f_locals), sizes)
            if sizes and not call.open.violated:
                self.notes[_of_sizes(scenario, call.region, sizes)] = None
        return scenario

    def _check(self, call: LiveCall) -> Check | None:
        region = call.region
        whole = arguments.of_arguments(GuardTree(_first(region).guard_manager), region.watched.forward.names)
        return _alike(whole, _sources(call), call.sight.f_locals)

    # --- what is violated ---------------------------------------------------------------------------

    def _rank(self, call: LiveCall) -> None:
        """Leave out what is violated because of sizes alone: those of serving are others than those of warm-up."""
        first = _first(call.region)
        try:
            rebuilt = self._rebuilt[call.open] = Rebuilt(call.sight.f_locals, first, _backend(call.region).dims)
            assert call.region.watched.code is not None
            frame = self._frame(call.open, call.region.watched.code, rebuilt.f_locals)
            left = {(guard.path, guard.aspect, guard.dim) for guard in closest.answer([first], frame).violated}
        except Exception as error:
            why = redacted(f"{raised.name(error)}: {raised.text(error)}")
            self.notes[f"{call.region.shown}: what fails because of sizes alone was told from its kind ({why})"] = None
            left = {key for key, (guard, _) in call.open.violated.items() if not guard.condition.is_relation}
        structure = {key: found for key, found in call.open.violated.items() if key in left}
        if structure or not self._proves or self._answers(call):
            call.open.violated = structure

    def _answers(self, call: LiveCall) -> bool:
        """Does the call need the graph that was compiled, as far as that depends on its sizes?

        Sizes of 0 and 1 are constants to Dynamo: another graph would say nothing.
        """
        rebuilt = self._rebuilt.get(call.open)
        if rebuilt is None or rebuilt.had_constants:
            return True
        needed = self._needed(call, marked(call.sight.f_locals, _backend(call.region).dims))
        profile = self._reduced(call.region, _first(call.region))
        call.needed = needed
        return needed is None or graphs.are_same(profile, needed) is True

    def _trace(self, call: LiveCall) -> None:
        rebuilt = self._rebuilt.pop(call.open, None)
        if self._proves and rebuilt is not None and call.needed is None:
            call.needed = self._needed(call, rebuilt.marked)

    def _needed(self, call: LiveCall, f_locals: Mapping[str, Any]) -> tuple[Graph, ...] | None:
        region = call.region
        try:
            made = shadow.alone(region.watched.forward.function, f_locals)
        except Exception as error:
            self._note(region, f"{raised.name(error)}: {raised.text(error).strip().splitlines()[0]}")
            return None
        if made is None:
            return None
        made.code = _first(region).code
        return self._reduced(region, made)

    def _reduced(self, region: LiveRegion, entry: CompiledFrame) -> tuple[Graph, ...]:
        return tuple(self._reduction.graph(graph, region.watched) for graph in entry.graphs)

    def _as_scenario(self, call: LiveCall, observation: Observation, name: str) -> Observation:
        """The engine looks at none of the guards."""
        guards = tuple(replace(guard, checked=Checked.NEVER) for guard in observation.violated_guards)
        return super()._as_scenario(call, replace(observation, violated_guards=guards), name)


def _backend(region: LiveRegion) -> EngineBackend:
    assert isinstance(region.point.backend, EngineBackend)
    return region.point.backend


def _first(region: LiveRegion) -> CompiledFrame:
    return region.profile_entries[0]


def _sizes(region: LiveRegion, f_locals: Mapping[str, Any]) -> frozenset[str]:
    """The conditions on symbolic sizes that do not hold."""
    return frozenset(violated_shapes(_first(region), f_locals))


def _of_sizes(scenario: Scenario, region: LiveRegion, sizes: frozenset[str]) -> str:
    first, *others = sorted(map(region.watched.forward.names.readable, sizes))
    more = f" and {len(others)} more" if others else ""
    return (
        f"{region.shown}: in {scenario.name} only sizes are others than the graph was made for: `{first}`{more} fails"
    )


def _sources(call: LiveCall) -> list[str]:
    return [guard.source for guard, _ in call.open.violated.values()]


def _alike(whole: GuardTree, violated: list[str], f_locals: Mapping[str, Any]) -> Check:
    """Whether other locals do as these, of which these sources fail."""
    if whole.holds(f_locals):
        return whole.holds
    rest = arguments.without(whole, violated)
    return lambda others: not whole.holds(others) and rest.holds(others)
