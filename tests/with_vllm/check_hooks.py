"""The releases of vLLM in a directory of wheels have all that the plugin stands at; so has the installed one.

Sources are read, nothing is imported: ``make contract-vllm`` fetches the wheels.
"""

from __future__ import annotations

import importlib.util
import os
import zipfile
from pathlib import Path

import pytest
from tests.live.engines.contract import moved

WHEELS = Path(os.environ.get("VLLM_WHEELS", "build/vllm"))


@pytest.mark.parametrize("wheel", sorted(WHEELS.glob("vllm*.whl")), ids=lambda wheel: wheel.name.partition("-cp")[0])
def test_each_wheel_has_all_that_the_plugin_stands_at(wheel: Path) -> None:
    assert moved(zipfile.Path(wheel)) == []


def test_the_installed_release_has_all_that_the_plugin_stands_at() -> None:
    found = importlib.util.find_spec("vllm")

    assert found is not None
    assert found.origin is not None
    assert moved(Path(found.origin).parent.parent) == []
