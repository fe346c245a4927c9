"""The second model runner: a class of its own."""

from collections.abc import Callable
from typing import Any

import torch

from vllm.config import VllmConfig, set_current_vllm_config
from vllm.forward_context import set_forward_context


class GPUModelRunner:
    def __init__(self, vllm_config: VllmConfig) -> None:
        self.vllm_config = vllm_config
        self.inputs = torch.zeros(512, 4)

    def load_model(self, make: Callable[[VllmConfig], Any]) -> None:
        with set_current_vllm_config(self.vllm_config):
            self.model = make(self.vllm_config)

    @torch.inference_mode()
    def _dummy_run(self, tokens: int) -> Any:
        with set_forward_context():
            return self.model.run(self.inputs[:tokens], None)

    @torch.inference_mode()
    def execute_model(self, x: Any, image: Any = None, *, skip_compiled: bool = False) -> Any:
        with set_forward_context(skip_compiled):
            return self.model.run(x, image)
