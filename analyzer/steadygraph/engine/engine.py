"""One case, from the model to the findings: observe, compare, prove, judge."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from types import CodeType
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from steadygraph import torch_private
from steadygraph.accelerator import unknown
from steadygraph.accelerator.comparing.comparisons import ComparisonWatch
from steadygraph.accelerator.placement import moved_case
from steadygraph.accelerator.simulation import Simulation, is_simulated, simulated
from steadygraph.case.case import Case, build_model, check_signature, profile_call, region_modules, serving_calls
from steadygraph.case.user_code import guarded
from steadygraph.compare import evidence as comparison
from steadygraph.compare.guards import digest
from steadygraph.config import Settings
from steadygraph.errors import TargetError, UsageError
from steadygraph.model import (
    PROFILE,
    CaseReport,
    DeviceMismatch,
    Evidence,
    Graph,
    Leak,
    Node,
    Observation,
    Outcome,
    Policy,
    Region,
    RegionCall,
    Result,
    ScenarioReport,
    Status,
    Sync,
    gpus,
)
from steadygraph.observe.inputs import structure
from steadygraph.observe.places import excerpts, locations
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.state import process
from steadygraph.observe.state.state import ModelState
from steadygraph.observe.syncs import sync_debug
from steadygraph.observe.syncs.sync_ledger import unneeded_blocks
from steadygraph.observe.syncs.syncs import SyncWatch, when_compiled
from steadygraph.policies import cuda_graph, drop, recompile, shapes_only, stale_state
from steadygraph.policies.runs import CallResult, run_calls, run_profile
from steadygraph.rule import allow
from steadygraph.rule.judge import judge_all, problems
from steadygraph.rule.packs import LoadedRules, Selection, load_packs, selection

_PROFILE_HINT = "make the profile call run first: everything else is compared with it"
#: The back end that needs no kernels.
_EAGER = "eager"
#: Keywords of torch.compile that Dynamo acts on; mode and options are for inductor.
_OPTIONS = ("dynamic", "fullgraph", "recompile_limit")


def analyze_case(case: Case, settings: Settings) -> CaseReport:
    """Analyse one case in this process and leave the process as it was.

    Raises:
        CaseError: The case cannot be used as it is.
        TargetError: The analysed code failed: building the model, or its profile call.
        TorchSupportError: The installed torch lacks what is needed.
    """
    torch_private.require()
    started = time.perf_counter()
    packs = load_packs()
    chosen = selection(packs, settings.select, settings.ignore)
    device = _wanted_device(case, settings)
    with process.preserved(), torch_private.own_dynamo_state(), _device(device, case, settings) as simulation:
        if simulation is not None:
            settings = dataclasses.replace(settings, backends=(_EAGER,))
        moved = device.startswith("cuda") and case.device is None
        if moved:
            case = moved_case(case, "cuda")
        analysis = _Analysis(case, settings, simulation)
        analysis.notes += _device_notes(device, settings, simulation)
        if moved:
            analysis.notes.append("the case names no DEVICE: its model and its arguments were moved to cuda")
        report = analysis.run(packs, chosen)
    return dataclasses.replace(report, duration_s=round(time.perf_counter() - started, 3))


def outline(case: Case, settings: Settings) -> CaseReport:
    """What :func:`analyze_case` would judge: scenarios and their outcomes, none of them proved, and nothing run.

    Raises:
        CaseError: The case cannot be used as it is.
        TargetError: ``serving()`` raised.
    """
    with process.preserved(), _device(_wanted_device(case, settings), case, settings) as simulation:
        backends = settings.backends if simulation is None else (_EAGER,)
        process.seeded(0)
        names = (PROFILE, *serving_calls(case))
    judged = [
        Outcome(policy, backend, Result.UNPROVED)
        for policy in _policies(case, settings)
        for backend in (backends if policy is Policy.DROP else (_EAGER,))
    ]
    scenarios = tuple(ScenarioReport(name, outcomes=tuple(judged)) for name in names)
    return CaseReport(case.target, Status.COMPLETED, 0.0, scenarios=scenarios)


class _Analysis:
    """The passes over one model: each starts from the same state and runs the same calls."""

    def __init__(self, case: Case, settings: Settings, simulation: Simulation | None) -> None:
        self.case = case
        self.settings = settings
        self.simulation = simulation
        self.policies = _policies(case, settings)
        process.seeded(0)
        with unknown.known_inputs():
            self.model = build_model(case)
        if any(is_lazy(parameter) for parameter in self.model.parameters()):
            # Lazy modules get their parameters in the first call: what is compiled then has none to go back to.
            run_profile(case, self.model)
        self.state = ModelState.capture(self.model, *_code(case))
        self.calls: dict[str, Node] = {}
        self.syncs: dict[str, SyncWatch] = {}
        self.comparisons: dict[str, ComparisonWatch] = {}
        self.notes: list[str] = []

    def run(self, packs: LoadedRules, chosen: Selection) -> CaseReport:
        """All of it, judged by the chosen ones of all rules."""
        try:
            self._check_calls()
            label = self.case.named("ALLOW")
            allowances = allow.allowances(self.case.allow, list(self.calls), packs, label=label)
            regions = region_modules(self.case, self.model)
            eager = self._eager(regions)
            leaks = stale_state.leaks(self.case, self.model, self.state, eager) if self.case.independent else {}
            session = self._session(regions)
            try:
                outcomes = self._outcomes(session, regions, eager)
            finally:
                session.close()
        finally:
            self.state.restore()
            self._note_unrestorable()
        evidence = self._evidence(session, eager, outcomes, leaks)
        judgement = judge_all(evidence, chosen.rules)
        missing = (*chosen.problems, *problems(judgement.failed, selected=bool(self.settings.select)))
        asked = {rule.code for rule in chosen.rules} - {failure.rule for failure in judgement.failed}
        self.notes += (problem.message for problem in missing)
        self.notes += allow.unused(judgement.findings, allowances, asked)
        return CaseReport(
            target=self.case.target,
            status=Status.COMPLETED,
            duration_s=0.0,
            regions=evidence[0].regions,
            scenarios=tuple(_scenario(one) for one in evidence),
            findings=allow.applied(judgement.findings, allowances),
            notes=tuple(self.notes),
            rule_problems=missing,
            graphs=_graphs(evidence),
            sources=excerpts.around(one.location for one in judgement.findings if one.location is not None),
            location=locations.of_class(type(self.model)),
        )

    def _check_calls(self) -> None:
        """Inputs that do not fit are the case's fault: say so before anything runs."""
        process.seeded(0)
        with unknown.known_inputs():
            calls = {PROFILE: profile_call(self.case), **serving_calls(self.case)}
        for name, call in calls.items():
            check_signature(self.model, call, name)
            self.calls[name] = structure.capture_call(call.args, call.kwargs)

    def _eager(self, regions: Sequence[tuple[str, nn.Module]]) -> dict[str, CallResult]:
        codes = [code for _, module in regions if (code := locations.code_of(module.forward)) is not None]

        on_cuda = _wanted_device(self.case, self.settings).startswith("cuda")
        computed: dict[CodeType, list[Any]] = {}

        @contextlib.contextmanager
        def watching(call: str) -> Iterator[None]:
            self.syncs[call] = SyncWatch(codes, "cuda" if on_cuda else "", confirm=on_cuda and self.simulation is None)
            self.comparisons[call] = ComparisonWatch(computed)
            compared = self.comparisons[call].watching() if on_cuda else contextlib.nullcontext()
            with self.syncs[call].watching(), compared:
                yield

        results = run_calls(self.case, self.model, watching=watching)
        _require_profile(results[PROFILE], "in eager mode")
        self._note_unknown(results)
        # A call that ended early may have had more devices to ask for: then the author of the case may know.
        complete = not any(result.raised for result in results.values())
        if self.simulation is not None and (complete or self.settings.device):
            self.simulation.usage.require_all(_wanted_device(self.case, self.settings))
        return results

    def _session(self, regions: Sequence[tuple[str, nn.Module]]) -> CompileSession:
        backends = {}
        if "inductor" in self.settings.backends:
            keywords = {key: self.case.compile.get(key) for key in ("mode", "options", "dynamic")}
            with guarded("COMPILE of the case: inductor"):
                backends["inductor"] = torch_private.inductor(**keywords)
        options = {key: value for key, value in self.case.compile.items() if key in _OPTIONS}
        self.state.restore()
        return CompileSession(regions, options=options, backends=backends, model=self.model)

    def _outcomes(
        self, session: CompileSession, regions: Sequence[tuple[str, nn.Module]], eager: Mapping[str, CallResult]
    ) -> dict[str, tuple[Outcome, ...]]:
        kept = recompile.run(self.case, self.model, session)
        _require_profile(kept[PROFILE], "under torch.compile")
        proved: list[dict[str, Outcome]] = []
        if Policy.RECOMPILE in self.policies:
            proved.append(recompile.outcomes(eager, kept, session))
        for prove in self._other_policies(session, regions, eager):
            self.state.restore()
            proved.append(prove())
        return {name: tuple(outcomes[name] for outcomes in proved) for name in kept}

    def _other_policies(
        self, session: CompileSession, regions: Sequence[tuple[str, nn.Module]], eager: Mapping[str, CallResult]
    ) -> list[Callable[[], dict[str, Outcome]]]:
        wanted: list[Callable[[], dict[str, Outcome]]] = []
        if Policy.DROP in self.policies:
            wanted += [
                functools.partial(drop.outcomes, self.case, self.model, session, eager, backend)
                for backend in self.settings.backends
            ]
        if Policy.SHAPES_ONLY in self.policies:
            wanted.append(lambda: shapes_only.outcomes(self.case, self.model, session, eager))
        if Policy.CUDA_GRAPH in self.policies:
            wanted.append(lambda: cuda_graph.outcomes(self.case, self.model, regions, eager))
        return wanted

    def _note_unrestorable(self) -> None:
        if self.state.unrestorable:
            names = ", ".join(self.state.unrestorable)
            self.notes.append(f"a call changed {names} in place, which could not be put back between the passes")

    def _note_unknown(self, eager: Mapping[str, CallResult]) -> None:
        """Later passes run the same lines."""
        unknowns = unknown.current()
        if unknowns is not None:
            ended = [r.failure.location for r in eager.values() if r.limited and r.failure and r.failure.location]
            self.notes += unknowns.notes(ended)

    def _note_unproved(self, eager: Mapping[str, CallResult]) -> None:
        for name, result in eager.items():
            if result.limited and result.failure is not None:
                place = result.failure.location
                where = f" in `{place.function}`, line {place.line}" if place else ""
                why = f"{result.failure.message}; {result.hint}"
                self.notes.append(f"{name} is not judged any further than this{where}: {why}")

    def _evidence(
        self,
        session: CompileSession,
        eager: Mapping[str, CallResult],
        outcomes: Mapping[str, tuple[Outcome, ...]],
        leaks: Mapping[str, Leak],
    ) -> list[Evidence]:
        observed = {name: [o for o in session.observations if o.call == name] for name in eager}
        # What broke in the profile call breaks again in every call that runs what was compiled there.
        syncs = {name: when_compiled(self.syncs[name].syncs(), [*observed[PROFILE], *observed[name]]) for name in eager}
        regions = tuple(_region(region, observed[PROFILE]) for region in session.regions)
        mismatches = {name: self._mismatches(name, result) for name, result in eager.items()}
        self._note_unproved(eager)
        self._note_syncs(syncs)
        return [
            comparison.evidence(
                scenario=name,
                regions=regions,
                profile=observed[PROFILE],
                serving=observed[name],
                outcomes=outcomes[name],
                eager_error=None if result.limited else result.failure,
                profile_call=self.calls[PROFILE],
                call=self.calls[name],
                profile_syncs=syncs[PROFILE],
                syncs=syncs[name],
                serving_syncs=[sync for other in syncs if other != PROFILE for sync in syncs[other]],
                leak=leaks.get(name),
                profile_mismatches=mismatches[PROFILE],
                mismatches=mismatches[name],
            )
            for name, result in eager.items()
        ]

    def _note_syncs(self, syncs: Mapping[str, Sequence[Sync]]) -> None:
        confirmed = sync_debug.summary([sync for found in syncs.values() for sync in found])
        unneeded = unneeded_blocks(watch.blocks for watch in self.syncs.values())
        self.notes += ([confirmed] if confirmed else []) + list(unneeded)

    def _mismatches(self, name: str, result: CallResult) -> tuple[DeviceMismatch, ...]:
        """Devices that met in an eager call: what made it fail, and comparisons that cannot be true."""
        raised = () if result.mismatch is None else (result.mismatch,)
        return (*raised, *self.comparisons[name].mismatches())


def _policies(case: Case, settings: Settings) -> tuple[Policy, ...]:
    if settings.policies:
        return settings.policies
    usual = (Policy.RECOMPILE, Policy.DROP)
    return (*usual, Policy.CUDA_GRAPH) if case.cuda_graph else usual


def _code(case: Case) -> tuple[Callable[..., Any] | None, ...]:
    """The user's functions that run around the calls: what they keep outside of the model is its state too."""
    return case.profile, case.serving, case.before, case.context, case.mark, case.observe


def _wanted_device(case: Case, settings: Settings) -> str:
    return settings.device or case.device or ""


def _device(wanted: str, case: Case, settings: Settings) -> AbstractContextManager[Simulation | None]:
    """A block in which the device that the case wants is there, simulated if need be."""
    if not wanted.startswith("cuda"):
        return contextlib.nullcontext()
    if is_simulated() or not torch.cuda.is_available():
        return simulated(wanted, settings.gpu or case.gpu or gpus.DEFAULT)
    there, needed = torch.cuda.device_count(), gpus.device_count(wanted)
    if there < needed:
        raise UsageError(
            f"{wanted} means {needed} devices, and this machine has {there}",
            hint="use a machine that has them, or one that has none: there they are simulated",
        )
    return contextlib.nullcontext()


def _device_notes(wanted: str, settings: Settings, simulation: Simulation | None) -> list[str]:
    if simulation is not None:
        told = f"{wanted} is simulated ({simulation}): tensors on it have no values, results no proof"
        return [told, *([simulation.remark] if simulation.remark else [])]
    if wanted.startswith("cuda") and settings.gpu is not None:
        return [f"gpu {settings.gpu} is ignored: there is a real device ({torch.cuda.get_device_name()})"]
    return []


def _require_profile(result: CallResult, how: str) -> None:
    if result.failure is None:
        return
    where = result.failure.location
    place = "" if where is None else f" ({where.path}:{where.line} in {where.function})"
    raise TargetError(
        f"the profile call raised {how}: {result.failure}{place}",
        hint=result.hint or _PROFILE_HINT,
    )


def _region(region: Any, profile: Sequence[Observation]) -> Region:
    own = [o for o in profile if o.region == region.name]
    return Region(
        name=region.name,
        location=locations.of_function(region.module.forward),
        guards=sum(len(o.guards) for o in own),
        # One that runs for several sizes at start-up is one.
        graphs=len({graph.digest for o in own for graph in o.graphs}),
        graph_breaks=sum(len(o.breaks) for o in own),
    )


def _scenario(evidence: Evidence) -> ScenarioReport:
    return ScenarioReport(
        name=evidence.scenario,
        differences=evidence.differences,
        violated_guards=evidence.violated_guards,
        graph=evidence.graph,
        outcomes=evidence.outcomes,
        eager_error=evidence.eager_error,
        calls=tuple(_call(observation) for observation in evidence.serving),
    )


def _graphs(evidence: Sequence[Evidence]) -> tuple[Graph, ...]:
    """Every graph that ran, once."""
    ran = (graph for one in evidence for observation in one.serving for graph in observation.graphs)
    return tuple({graph.digest: graph for graph in ran}.values())


def _call(observation: Observation) -> RegionCall:
    types = Counter(guard.guard_type for guard in observation.guards)
    return RegionCall(
        region=observation.region,
        graphs=tuple(graph.digest for graph in observation.graphs),
        guards=digest(observation.guards),
        guard_types=tuple(sorted(types.items())),
    )
