"""A model as vLLM's are: the language model is compiled, and what is around it hands it the features of images."""

from typing import Any

import torch
from torch import nn
from vllm.compilation.decorators import support_torch_compile
from vllm.config import VllmConfig
from vllm.sequence import IntermediateTensors

DIMS = {"x": 0, "deepstack": 0}


@support_torch_compile(dynamic_arg_dims=DIMS)
class Text(nn.Module):
    def __init__(self, *, vllm_config: VllmConfig) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(4, 4)
        self.doubled = False

    def forward(self, x: torch.Tensor, deepstack: IntermediateTensors | None = None) -> torch.Tensor:
        return self.layer(x)


@support_torch_compile(dynamic_arg_dims=DIMS)
class TextWithImages(Text):
    def forward(self, x: torch.Tensor, deepstack: IntermediateTensors | None = None) -> torch.Tensor:
        h = self.layer(x)
        if deepstack is not None:
            h = h + deepstack["d0"]
        return h * 2 if self.doubled else h

    def as_stored(self, x: torch.Tensor, deepstack: IntermediateTensors | None = None) -> torch.Tensor:
        """What an earlier start has compiled for a call without images."""
        return self.layer(x)


class Qwen:
    """Around the compiled part; with the getter as it was before it was mended, or after."""

    def __init__(self, config: VllmConfig, *, mended: bool = False) -> None:
        self.text, self.mended = TextWithImages(vllm_config=config).eval(), mended
        self.buffer = torch.zeros(512, 4)

    def run(self, x: torch.Tensor, image: torch.Tensor | None) -> Any:
        if image is not None:
            self.buffer[: len(x)] = image
        given = image is not None or self.mended
        deepstack = IntermediateTensors({"d0": self.buffer[: len(x)]}) if given else None
        result = self.text(x, deepstack=deepstack)
        self.buffer.zero_()
        return result
