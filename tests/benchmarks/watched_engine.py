"""What a step of an engine costs more where it is watched: python tests/benchmarks/watched_engine.py

A model of 28 layers stands under the stand-in for vLLM that the tests have.  It is called in turns, past the plugin and
through it, in one process; the least of many turns counts, since whatever else the machine does only makes them longer.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "live" / "stand_ins"))

import torch
from torch import nn
from vllm.compilation.decorators import support_torch_compile
from vllm.compilation.wrapper import TorchCompileWithNoGuardsWrapper
from vllm.config import VllmConfig, set_current_vllm_config
from vllm.plugins import load_general_plugins
from vllm.sequence import IntermediateTensors
from vllm.v1.worker import gpu_model_runner

LAYERS, CALLS, TURNS = 28, 100, 30


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.up, self.down, self.scale = nn.Linear(8, 8), nn.Linear(8, 8), 1.0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.down(self.up(x).relu()) * self.scale


@support_torch_compile(dynamic_arg_dims={"inputs_embeds": 0, "positions": -1, "deepstack": 0})
class Model(nn.Module):
    def __init__(self, *, vllm_config: Any) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))

    def forward(
        self,
        input_ids: torch.Tensor | None,
        positions: torch.Tensor,
        inputs_embeds: torch.Tensor,
        deepstack: IntermediateTensors | None = None,
    ) -> torch.Tensor:
        x = inputs_embeds
        for number, layer in enumerate(self.layers):
            x = layer(x)
            if deepstack is not None and number < len(deepstack):
                x = x + deepstack[f"d{number}"]
        return x + positions[0, :, None]


def timed(call: Callable[[], object], calls: int = CALLS) -> float:
    """Microseconds of the processor for one call, on average."""
    started = time.thread_time()
    for _ in range(calls):
        call()
    return (time.thread_time() - started) / calls * 1e6


def main() -> None:
    folder = tempfile.mkdtemp()
    os.environ["STEADYGRAPH_WATCH"] = folder
    call_of_engine = Model.__call__
    load_general_plugins()
    config = VllmConfig()
    with set_current_vllm_config(config):
        model = Model(vllm_config=config).eval()
    gpu_model_runner.GPUModelRunner(config)
    watching = vars(TorchCompileWithNoGuardsWrapper)["_steadygraph"]._watch()
    inputs = {rows: (torch.zeros(3, rows, dtype=torch.long), torch.ones(rows, 8)) for rows in (1, 4, 8)}

    def step(rows: int, deepstack: Any = None) -> Callable[[], object]:
        positions, embeds = inputs[rows]
        return lambda: model(None, positions, embeds, deepstack=deepstack)

    with torch.no_grad():
        first = timed(step(8), 1)
        vars(TorchCompileWithNoGuardsWrapper)["_steadygraph"]._phase._serves = True
        image = IntermediateTensors({f"d{number}": torch.ones(4, 8) for number in range(3)})
        found = timed(step(4, image), 1)
        call_of_plugin = Model.__call__
        for name, call in (("4 tokens", step(4)), ("1 token", step(1)), ("an image", step(4, image))):
            alone, watched = [], []
            call()
            for _ in range(TURNS):
                for held, times in ((call_of_engine, alone), (call_of_plugin, watched)):
                    Model.__call__ = held  # type: ignore[method-assign]
                    times.append(timed(call))
            extra = statistics.median(w - a for w, a in zip(watched, alone, strict=True))
            print(
                f"{name}: {min(alone):.1f} us alone, {min(watched):.1f} us watched: {min(watched) - min(alone):.1f} us "
                f"more (median of the differences {extra:.1f} us)"
            )
    guards = sum(region.guards for case in watching.report().cases for region in case.regions)
    reported = timed(watching._folder.write, 5)
    print(f"{guards} guards; first call {first / 1e6:.1f} s, a new structure {found / 1e3:.0f} ms in all")
    print(f"a report is written in {reported / 1e3:.0f} ms")
    watching.close()


if __name__ == "__main__":
    print(f"torch {torch.__version__}, Python {sys.version.split()[0]}, {torch.get_num_threads()} thread")
    main()
