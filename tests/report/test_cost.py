"""Large reports: the benchmark's measure, with room for a machine that is busy."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from steadygraph.report.formats import FORMATS

#: In units of the benchmark's loop: HTML takes most, 61 to 75 of them, on a machine for itself and on one that is busy.
#: What renders each finding against all others, or holds its text several times, is far beyond these.
MOST_UNITS, MOST_MIB = 100, 300.0


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
    assert {name: cost.units for name, cost in costs.items() if cost.units >= MOST_UNITS} == {}
    assert {name: cost.peak_mib for name, cost in costs.items() if cost.peak_mib >= MOST_MIB} == {}
