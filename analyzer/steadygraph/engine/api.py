"""The Python interface: the same analysis, in this process."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from steadygraph import config
from steadygraph.case.case import Case, opened
from steadygraph.case.user_code import faults_of_the_target
from steadygraph.errors import UsageError
from steadygraph.model import CaseReport, Policy
from steadygraph.model.environment import environment
from steadygraph.report.shown import Report

#: How calls are tried where nothing else is said.
_USUAL = config.Probing()


def analyze(
    case: Case | str | Path,
    *,
    case_file: str | Path | None = None,
    policies: Iterable[Policy | str] | None = None,
    backends: Iterable[str] = ("eager",),
    select: Iterable[str] = (),
    ignore: Iterable[str] = (),
    device: str | None = None,
    gpu: str | None = None,
    budget: bool = False,
) -> Report:
    """Compare the warm-up call of a model with its serving calls, in this process.

    Args:
        case: A case, or a target as the command line takes it: ``case.py``, ``package.module:Class``.
        case_file: The case file of a class; default: the module of the class.
        policies: Deployments to judge; default: ``recompile`` and ``drop``, and ``cuda-graph`` where the case says so.
        backends: How the policies are proved: ``eager``, ``aot_eager``, ``inductor``.
        select: Rules to run, by code, code prefix, kind or name; empty: all.
        ignore: Rules to leave out.
        device: Device to analyse for, instead of the case's own: ``cpu``, ``cuda``, ``cuda:4`` for four.
        gpu: Which GPU is simulated where there is no device, as ``--gpu``: ``h100``, ``b200``.
        budget: Find the guards worth keeping, too, and judge a deployment that keeps these: ``Report.budget``.

    Returns:
        A report with one case.

    Raises:
        UsageError: An argument means nothing; as CaseError: the case cannot be used.
        TargetError: The model could not be built, or its warm-up call raised.
        TorchSupportError: The installed torch lacks what is needed.
    """
    settings = config.Settings(
        policies=None if policies is None else config.policies(str(policy) for policy in policies),
        backends=config.backends(backends),
        select=tuple(select),
        ignore=tuple(ignore),
        device=None if device is None else config.device(device),
        gpu=None if gpu is None else config.gpu(gpu),
        budget=budget,
    )
    result = _analyzed(case, None if case_file is None else Path(case_file), settings)
    return Report((result,), environment=environment(device or "cpu"))


def probe(
    case: Case | str | Path,
    *,
    case_file: str | Path | None = None,
    seconds: float = _USUAL.seconds,
    most: int = _USUAL.most,
    **options: Any,
) -> Report:
    """Try calls that are derived from the warm-up call of a model and its guards, in this process.

    Args:
        case: A case, or a target; of a target, ``serving()`` may be absent.
        case_file: The case file of a class; default: the module of the class.
        seconds: For how long calls are tried, beside what the warm-up call takes.
        most: How many of them.
        options: ``select``, ``ignore``, ``policies``, ``device`` and ``gpu``, as of :func:`analyze`.

    Returns:
        A report with one case, which has a ``sensitivity``.

    Raises:
        SteadygraphError: As :func:`analyze` does.
    """
    policies, device = options.pop("policies", None), options.pop("device", None)
    settings = config.Settings(
        policies=None if policies is None else config.policies(map(str, policies)),
        select=tuple(options.pop("select", ())),
        ignore=tuple(options.pop("ignore", ())),
        device=None if device is None else config.device(device),
        gpu=options.pop("gpu", None),
        probing=config.Probing(seconds, most),
    )
    if options:
        raise UsageError(f"probe takes no {next(iter(options))}", hint="leave it out")
    result = _analyzed(case, None if case_file is None else Path(case_file), settings)
    return Report((result,), environment=environment(device or "cpu"))


def _analyzed(case: Case | str | Path, case_file: Path | None, settings: config.Settings) -> CaseReport:
    analyze_case = _probed if settings.probing else _analyze_case
    if isinstance(case, Case):
        if case_file is not None:
            raise UsageError("case_file goes with a target, and a Case was given", hint="leave case_file out")
        with faults_of_the_target():
            return analyze_case(case, settings)
    if not isinstance(case, str | Path):
        hint = "give a steadygraph.Case or a target such as 'case.py'"
        raise UsageError(f"cannot analyse {type(case).__name__}", hint=hint)
    serves = settings.probing is None
    with faults_of_the_target(), opened(str(case), case_file=case_file, serves=serves) as loaded:
        return analyze_case(loaded, settings)


def _analyze_case(case: Case, settings: config.Settings) -> CaseReport:
    from steadygraph.engine.engine import analyze_case

    return analyze_case(case, settings)


def _probed(case: Case, settings: config.Settings) -> CaseReport:
    from steadygraph.engine.probing.probing import probed

    return probed(case, settings)[0]
