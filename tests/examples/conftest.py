"""Every example is analysed once, whichever worker asks first."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steadygraph.model import CaseReport
from steadygraph.model.run import RunReport


@pytest.fixture(scope="session")
def verdicts(repository: Path) -> ModuleType:
    """``examples/verdicts.py``."""
    spec = importlib.util.spec_from_file_location("verdicts", repository / "examples" / "verdicts.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def report_of(verdicts: ModuleType, once: Callable[..., str]) -> Callable[[Any], CaseReport]:
    """``report_of(state)``: what the analyzer says of it now."""
    from steadygraph.report.json.codec import from_json, to_json

    def report(state: Any) -> CaseReport:
        name = f"{state.folder}-{state.name}.json"
        return from_json(once(name, lambda: to_json(RunReport((verdicts.analysed(state),))))).cases[0]

    return report


@pytest.fixture
def deepstack(monkeypatch: pytest.MonkeyPatch, repository: Path) -> Callable[[str], ModuleType]:
    """``deepstack("deepstack_stores")``: a module of that folder."""
    monkeypatch.syspath_prepend(repository / "examples" / "deepstack")
    return importlib.import_module
