"""A session that asks for nothing pays for nothing."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run

CHECK = """
import sys

def pytest_unconfigure(config):
    heavy = {"torch", "pydantic", "rich", "numpy", "multiprocessing", "steadygraph.model", "steadygraph.testing"}
    assert config.pluginmanager.hasplugin("steadygraph") or config.pluginmanager.hasplugin("steadygraph.pytest_plugin")
    print("loaded:", sorted(heavy & set(sys.modules)))
"""


def test_nothing_heavy_is_imported(pytester: pytest.Pytester, spawn: Run) -> None:
    pytester.makeconftest(CHECK)
    pytester.makepyfile(test_empty="")
    others = [f"-pno:{name}" for name in ("hypothesispytest", "inline_snapshot", "anyio", "xdist", "cov", "timeout")]

    found = spawn("-s", *others)

    assert found.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "loaded: []" in found.outlines
