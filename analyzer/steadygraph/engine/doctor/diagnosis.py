"""What is looked at, each a line: what is installed, which probes hold, what the self-test found."""

from __future__ import annotations

import contextlib
import platform
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from steadygraph import accelerator, torch_private
from steadygraph.case.case import load
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.errors import SteadygraphError
from steadygraph.model import CaseReport, Kind
from steadygraph.model.environment import UNKNOWN, version
from steadygraph.observe.layers.repeated_layers import RepeatedLayers
from steadygraph.torch_private.replacement import replaced

_CASE = Path(__file__).with_name("self_test_case.py")
#: What needs each part of ``torch_private``.
_PARTS = {
    "every analysis": (),
    "repeated layers": ("tracing",),
    "budgets of guards": ("guard_workshop",),
    "simulated device": ("device",),
    "backend aot_eager": ("aot",),
    "backend inductor": ("inductor",),
}
_PACKAGES = ("depyf", "transformers", "pytest")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Args:
        group: ``installed``, ``probes`` or ``self-test``.
        name: What was looked at.
        result: What was found, in words.
        passed: Is that as it should be?
    """

    group: str
    name: str
    result: str
    passed: bool = True


def checks() -> Iterator[Check]:
    """All of them, in the order in which they are told."""
    yield from _installed()
    yield from _probes()
    yield from _self_test()


def _installed() -> Iterator[Check]:
    cuda = torch.version.cuda or torch.version.hip
    built = f"built for {'CUDA' if torch.version.cuda else 'ROCm'} {cuda}" if cuda else "built for the CPU"
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    untried = torch_private.untried()
    compiler = accelerator.compiler()
    found = {
        "steadygraph": version("steadygraph"),
        "python": f"{platform.python_version()}, {platform.system()} {platform.machine()}",
        "torch": f"{torch.__version__}, {built}, {device}{f'; {untried}' if untried else ''}",
        **{name: "not installed" if version(name) == UNKNOWN else version(name) for name in _PACKAGES},
        "C++ compiler": "none" if compiler is None else Path(compiler).name,
    }
    yield from (Check("installed", name, result) for name, result in found.items())


def _probes() -> Iterator[Check]:
    for name, parts in _PARTS.items():
        missing = torch_private.lacking(*parts)
        yield Check("probes", name, f"torch has no {', '.join(missing)}" if missing else "all hold", not missing)


def _self_test() -> Iterator[Check]:
    started = time.perf_counter()
    try:
        report, spared = _analyzed()
    except SteadygraphError as error:
        yield Check("self-test", "analysis", f"{type(error).__name__}: {error}", passed=False)
        return
    for scenario in report.scenarios[1:]:
        yield _found(report, scenario.name)
    yield Check("self-test", "repeated layers", f"{spared} of 8 were not traced again", spared > 0)
    yield from (
        Check("self-test", "note", note, passed=False) for note in report.notes if note != torch_private.untried()
    )
    yield Check("self-test", "duration", f"{time.perf_counter() - started:.1f} s")


def _found(report: CaseReport, scenario: str) -> Check:
    """The case names each scenario after what is to be found there, and one after nothing."""
    wanted = [scenario] if scenario in set(Kind) else []
    kinds = [str(finding.kind) for finding in report.findings if finding.scenario == scenario]
    return Check("self-test", scenario, f"found {', '.join(kinds) or 'nothing'}", kinds == wanted)


def _analyzed() -> tuple[CaseReport, int]:
    """The report on the case, and how many layers were not traced in the profile call because one stood for them."""
    spared: list[int] = []
    traced_once = RepeatedLayers.traced_once

    @contextlib.contextmanager
    def counting(self: RepeatedLayers) -> Iterator[object]:
        with traced_once(self) as trace:
            yield trace
            spared.append(trace.spared)

    with tempfile.TemporaryDirectory() as folder, replaced(RepeatedLayers, {"traced_once": counting}):
        # A file of the user's: what lies in this package is no code of a model.
        copy = Path(folder) / _CASE.name
        copy.write_bytes(_CASE.read_bytes())
        return analyze_case(load(str(copy)), Settings()), spared[0] if spared else 0
