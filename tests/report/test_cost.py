"""Large reports: the benchmark's measure, with room for a machine that is busy."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from steadygraph.report.formats import FORMATS

#: The goals are 2 s and 300 MiB of a process that has the machine for itself; what renders each finding against all
#: others, or holds its text several times, is far beyond these.
MOST_S, MOST_MIB = 5.0, 300.0


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    file = Path(__file__).resolve().parent.parent / "benchmarks" / "report_cost.py"
    spec = importlib.util.spec_from_file_location("report_cost", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_ten_thousand_findings_are_rendered_in_time_and_memory(benchmark: ModuleType) -> None:
    costs = benchmark.costs(FORMATS)

    assert costs.keys() == FORMATS.keys()
    assert {name: seconds for name, (seconds, _, _) in costs.items() if seconds >= MOST_S} == {}
    assert {name: mib for name, (_, mib, _) in costs.items() if mib >= MOST_MIB} == {}
