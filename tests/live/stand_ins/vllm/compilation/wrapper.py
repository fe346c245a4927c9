"""Has a model compiled, with all guards dropped."""

from typing import Any

import torch

from vllm.config import get_current_vllm_config


class TorchCompileWithNoGuardsWrapper:
    def __init__(self, compile_prefix: str = "", is_encoder: bool = False) -> None:
        self.vllm_config = get_current_vllm_config()
        self._compiled_callable = torch.compile(
            self.forward,
            fullgraph=True,
            dynamic=False,
            backend=self.vllm_config.compilation_config.backend,
            options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe},
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._compiled_callable(*args, **kwargs)
