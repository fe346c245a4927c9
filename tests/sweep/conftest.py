"""Sweeps of targets that need no torch: an engine stands in that runs the functions of a case and no model."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steadygraph.workers import pool

from ..workers.conftest import ENGINE, WHOLE

Write = Callable[..., Path]


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_case: Write) -> Iterator[None]:
    """Importable in a worker, too: it gets the search path of its parent."""
    write_case(ENGINE, "stand_in_engine.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    import stand_in_engine

    monkeypatch.setattr(pool, "orders", functools.partial(pool.orders, analyze=stand_in_engine.analyze))
    yield
    del sys.modules["stand_in_engine"]


@pytest.fixture
def models(tmp_path: Path, stand_in: None) -> Path:
    """A folder with four cases, each of which notes that it has run."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in "abcd":
        (folder / f"case_{name}.py").write_text(
            f"{WHOLE}\ndef build(): open('ran', 'a').write('{name}\\n')\n", encoding="utf-8"
        )
    return folder
