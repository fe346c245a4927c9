"""A stand-in for vLLM in the process of the test, and a server of it."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from steadygraph.live.engines.watching import EngineWatching
from steadygraph.model import Finding
from steadygraph.model.run import RunReport
from steadygraph.report.json import codec

STAND_INS = Path(__file__).resolve().parent.parent / "stand_ins"
_OURS = ("vllm", "served_model")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch, nothing_compiled: None) -> Iterator[Path]:
    """``import vllm`` gives the stand-in."""
    monkeypatch.syspath_prepend(str(STAND_INS))
    forget_stand_ins()
    yield STAND_INS
    forget_stand_ins()


def forget_stand_ins() -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        del sys.modules[name]


class Server:
    """One process of the stand-in."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.runner: Any = None

    @property
    def engine(self) -> Any:
        wrapper = importlib.import_module("vllm.compilation.wrapper").TorchCompileWithNoGuardsWrapper
        return vars(wrapper).get("_steadygraph")

    @property
    def watching(self) -> EngineWatching:
        found = self.engine._watch()
        assert isinstance(found, EngineWatching)
        return found

    def start(self, *, mended: bool = False, runner: str = "gpu_model_runner", **compilation: Any) -> Server:
        """Load the plugins and the model, and warm up."""
        importlib.import_module("vllm.plugins").load_general_plugins()
        config = importlib.import_module("vllm.config")
        model = importlib.import_module("served_model")
        made = config.VllmConfig(compilation_config=config.CompilationConfig(**compilation))
        self.runner = importlib.import_module(f"vllm.v1.worker.{runner}").GPUModelRunner(made)
        self.runner.load_model(lambda own: model.Qwen(own, mended=mended))
        self.runner._dummy_run(8)
        return self

    @property
    def text(self) -> Any:
        """The compiled part."""
        return self.runner.model.text

    def serve(self, rows: int, *, image: bool = False, **step: Any) -> torch.Tensor:
        found: torch.Tensor = self.runner.execute_model(
            torch.linspace(-1, 1, 4 * rows).reshape(rows, 4), torch.ones(rows, 4) if image else None, **step
        )
        return found

    def findings(self) -> list[Finding]:
        return [*self.watching.findings]

    def stored(self) -> RunReport:
        """What is on disk."""
        (file,) = self.directory.glob("rank-*/report.json")
        return codec.read(file)

    def close(self) -> None:
        watch = None if self.engine is None else self.engine._watch
        if watch is not None and watch.made is not None:
            watch.made.close()


@pytest.fixture
def server(stand_in: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    """A server that is watched, as soon as it starts."""
    monkeypatch.setenv("STEADYGRAPH_WATCH", str(tmp_path / "watch"))
    monkeypatch.delenv("STEADYGRAPH_WATCH_RUN", raising=False)
    made = Server(tmp_path / "watch")
    yield made
    made.close()
    monkeypatch.delenv("STEADYGRAPH_WATCH_RUN", raising=False)


@pytest.fixture
def line_of(stand_in: Path) -> Callable[[str], int]:
    """The line of the served model that has this text."""
    lines = (stand_in / "served_model.py").read_text(encoding="utf-8").splitlines()
    return lambda text: next(number for number, line in enumerate(lines, 1) if text in line)
