"""What one run of the tool found out about its cases, as a frozen value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from steadygraph import errors
from steadygraph.errors import TorchSupportError, UsageError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model import ran
from steadygraph.model.environment import environment, version
from steadygraph.model.evidence import Finding, Outcome
from steadygraph.model.network import digraph
from steadygraph.model.report import CaseReport, Problem, ScenarioReport, Status
from steadygraph.model.words import PROFILE, Policy, Severity

if TYPE_CHECKING:
    import networkx as nx

#: From which severity on findings make a run fail.
FailOn = Literal["error", "warning", "note", "never"]
FAIL_ON: tuple[FailOn, ...] = ("error", "warning", "note", "never")

#: ``Finding.allowed`` of a finding that a baseline knows.
IN_BASELINE = "it is in the baseline"

#: ``Problem.type`` of a defect of steadygraph itself.
INTERNAL_ERROR = "InternalError"

EXIT_OK, EXIT_FINDINGS, EXIT_USAGE, EXIT_INTERNAL, EXIT_TARGET, EXIT_INTERRUPTED = 0, 1, 2, 3, 4, 130
#: By Ctrl-C, SIGHUP, SIGTERM: 128 and the number of the signal.
InterruptedCode = Literal[130, 129, 143]
INTERRUPTED_CODES: tuple[InterruptedCode, ...] = (130, 129, 143)


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts over all cases."""

    cases: int
    failed: int
    errors: int
    warnings: int
    notes: int
    #: Findings that their case accepts; they are in none of the counts above.
    accepted: int = 0
    #: What is not as the baseline locks it; each makes a run fail as a warning does, and is no finding.
    unlocked: int = 0

    def __str__(self) -> str:
        failed = f" ({self.failed} failed)" if self.failed else ""
        return f"{counted(self.cases, 'case')}{failed}, {self.findings}"

    @property
    def findings(self) -> str:
        """``1 error, 0 warnings, 2 notes``, and ``1 accepted``, ``3 not as locked`` where there are any."""
        counts = ((self.errors, "error"), (self.warnings, "warning"), (self.notes, "note"))
        accepted = [f"{self.accepted:,} accepted"] if self.accepted else []
        unlocked = [f"{self.unlocked:,} not as locked"] if self.unlocked else []
        return ", ".join([*(counted(number, noun) for number, noun in counts), *accepted, *unlocked])


@dataclass(frozen=True, repr=False)
class RunReport:
    """The result of one run: all its cases.

    Args:
        cases: One entry per target, in the order in which they were asked for.
        environment: Versions and platform, see :func:`steadygraph.model.environment.environment`; its device is that of
            the cases, where they know theirs.
        tool_version: Version of steadygraph that made the report.
        fail_on: From which severity on findings make :attr:`exit_code` 1.
        interrupted: The run was stopped before all cases were analysed.
        interrupted_code: What :attr:`exit_code` is then.

    Raises:
        UsageError: ``fail_on`` is no severity.
    """

    cases: tuple[CaseReport, ...]
    environment: Mapping[str, str] = field(default_factory=environment)
    tool_version: str = field(default_factory=lambda: version("steadygraph"))
    fail_on: FailOn = "warning"
    interrupted: bool = False
    interrupted_code: InterruptedCode = 130

    def __post_init__(self) -> None:
        _check_fail_on(self.fail_on)
        devices = dict.fromkeys(case.device for case in self.cases if case.device)
        if devices and "device" in self.environment:
            object.__setattr__(self, "environment", {**self.environment, "device": ", ".join(devices)})

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all cases, in their order; those that are accepted have the reason in ``allowed``."""
        return tuple(finding for case in self.cases for finding in case.findings)

    @property
    def summary(self) -> Summary:
        return summarised(self.cases)

    def ok(self, fail_on: FailOn = "warning") -> bool:
        """Is every case analysed, by all rules that were asked for, with no finding at or above ``fail_on``?

        A finding that its case accepts does not count.

        Raises:
            UsageError: ``fail_on`` is no severity.
        """
        complete = not self.interrupted and all(case.status is Status.COMPLETED for case in self.cases)
        return complete and not self._lacks_rules and not self._fails(fail_on)

    @property
    def exit_code(self) -> int:
        """What the command line ends with; the most serious reason wins."""
        if self.interrupted:
            return self.interrupted_code
        codes = {_exit_code(case.error) for case in self.cases if case.status is not Status.COMPLETED}
        if self._lacks_rules:
            codes.add(EXIT_INTERNAL)
        for code in (EXIT_INTERNAL, EXIT_USAGE, EXIT_TARGET):
            if code in codes:
                return code
        return EXIT_FINDINGS if self._fails(self.fail_on) else EXIT_OK

    def outcome(
        self, scenario: str, policy: Policy | str, backend: str | None = None, case: str | None = None
    ) -> Outcome:
        """What one scenario did under one policy.

        Args:
            scenario: Name of a serving call.
            policy: ``recompile``, ``drop``, ``shapes-only`` or ``cuda-graph``.
            backend: The back end of the proof; needed where there are several.
            case: Target of the case; needed where several cases have this scenario.

        Raises:
            UsageError: There is no such outcome, or there are several.
        """
        owner, found = self._scenario(scenario, case)
        candidates = [outcome for outcome in found.outcomes if outcome.policy == policy]
        if not candidates:
            known = _unique(outcome.policy.value for outcome in found.outcomes)
            raise UsageError(
                f"scenario '{scenario}' of {owner.target} was not judged under policy '{policy}'",
                hint=question_or_list(policy, known, "the policies"),
            )
        chosen = [outcome for outcome in candidates if backend in (None, outcome.backend)]
        backends = [outcome.backend for outcome in candidates]
        if not chosen:
            raise UsageError(
                f"policy '{policy}' was not proved with back end '{backend}'",
                hint=question_or_list(str(backend), backends, "the back ends"),
            )
        if len(chosen) > 1:
            raise UsageError(
                f"policy '{policy}' was proved with {len(chosen)} back ends", hint=f"name one: {', '.join(backends)}"
            )
        return chosen[0]

    def graph(
        self, scenario: str = PROFILE, region: str | None = None, index: int | None = None, case: str | None = None
    ) -> nx.DiGraph:
        """A graph that ran in one scenario, as a :class:`networkx.DiGraph`.

        Its nodes are 0, 1, 2, ... in the order in which they run, with the attributes

        * ``kind``: ``input``, ``constant``, ``call`` or ``output``;
        * ``name``: the operator of a call, the readable path of an input;
        * ``value``: dtype and shape, as in ``float32[2, s0, 8]``; empty if it is no tensor;
        * ``line``: the :class:`~steadygraph.model.Location` that it comes from, or None;
        * ``digest``: of the operator and its constants; ``has_effect``: whether it writes to memory, draws random
          numbers or sets a mode;
        * ``bodies``: the graphs, made in the same way, that a higher-order operator runs.

        Edges lead from a value to what takes it; their ``position`` counts the values that the same node takes.
        ``graph.graph`` has the ``digest`` of the whole and its ``frame``, the location of the compiled function.

        Args:
            scenario: Name of a call.
            region: The compiled module; needed where graphs of several ran.  ``""`` is the model itself.
            index: Which of the region's graphs, each counted once, from 0; needed where there are several.
            case: Target of the case; needed where several cases have this scenario.

        Raises:
            UsageError: There is no such graph, or there are several.
        """
        return digraph(ran.chosen(*self._scenario(scenario, case), region, index))

    def _scenario(self, name: str, target: str | None) -> tuple[CaseReport, ScenarioReport]:
        targets = [case.target for case in self.cases]
        if target is not None and target not in targets:
            raise UsageError(f"the report has no case '{target}'", hint=question_or_list(target, targets, "the cases"))
        cases = [case for case in self.cases if target in (None, case.target)]
        found = [(case, entry) for case in cases for entry in case.scenarios if entry.name == name]
        if not found:
            known = _unique(entry.name for case in cases for entry in case.scenarios)
            raise UsageError(
                f"the report has no scenario '{name}'", hint=question_or_list(name, known, "the scenarios")
            )
        if len(found) > 1:
            owners = ", ".join(_unique(case.target for case, _ in found))
            raise UsageError(f"scenario '{name}' occurs {len(found)} times", hint=f"name its case: {owners}")
        return found[0]

    @property
    def _lacks_rules(self) -> bool:
        """Did a rule fail that was asked for?"""
        return any(problem.selected for case in self.cases for problem in case.rule_problems)

    def _fails(self, fail_on: FailOn) -> bool:
        _check_fail_on(fail_on)
        if any(case.lock_changes for case in self.cases) and loud(Severity.WARNING, fail_on):
            return True
        return any(fails(finding, fail_on) for finding in self.findings)

    def __repr__(self) -> str:
        return f"<Report: {self.summary}>"


def summarised(cases: Iterable[CaseReport]) -> Summary:
    """Counts over these cases."""
    cases = tuple(cases)
    severities = Counter(finding.severity for case in cases for finding in open_findings(case))
    return Summary(
        cases=len(cases),
        failed=sum(case.status is not Status.COMPLETED for case in cases),
        errors=severities[Severity.ERROR],
        warnings=severities[Severity.WARNING],
        notes=severities[Severity.NOTE],
        accepted=sum(finding.allowed is not None for case in cases for finding in case.findings),
        unlocked=sum(len(case.lock_changes) for case in cases),
    )


def fails(finding: Finding, fail_on: FailOn) -> bool:
    """Does this finding make a run fail: is it at or above the severity, and not accepted?"""
    return finding.allowed is None and loud(finding.severity, fail_on)


def loud(severity: Severity, fail_on: FailOn) -> bool:
    """Does this severity make a run fail?"""
    severities = tuple(Severity)
    return fail_on != "never" and severities.index(severity) <= severities.index(Severity(fail_on))


def open_findings(case: CaseReport) -> tuple[Finding, ...]:
    """The findings that the case does not accept."""
    return tuple(finding for finding in case.findings if finding.allowed is None)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 error``, ``2 errors``, ``1,234 guards``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def _exit_code(problem: Problem | None) -> int:
    if problem is None:
        return EXIT_TARGET
    if problem.type == INTERNAL_ERROR:
        return EXIT_INTERNAL
    error = getattr(errors, problem.type, None)
    if not isinstance(error, type):
        return EXIT_TARGET
    if issubclass(error, TorchSupportError):
        return EXIT_INTERNAL
    return EXIT_USAGE if issubclass(error, UsageError) else EXIT_TARGET


def _check_fail_on(value: str) -> None:
    if value not in FAIL_ON:
        raise UsageError(
            f"fail_on is '{value}', which is no severity", hint=question_or_list(value, FAIL_ON, "the severities")
        )


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
