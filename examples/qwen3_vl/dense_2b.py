"""transformers' Qwen3-VL-2B text model at its published size: 28 dense layers.

On a machine without a GPU its parameters are fake: they have shapes, and no memory.  Reads no weights and no network.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import qwen3_vl_steps as steps
import torch
from transformers import Qwen3VLTextConfig, Qwen3VLTextModel

DEVICE = "cuda"
CONFIG: dict[str, object] = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_hidden_layers": 28,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "max_position_embeddings": 262144,
    "rms_norm_eps": 1e-6,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 5_000_000.0,
        "mrope_section": [24, 20, 20],
        "mrope_interleaved": True,
    },
    "dtype": torch.bfloat16,
}


def config() -> Qwen3VLTextConfig:
    made = Qwen3VLTextConfig(**CONFIG)
    made._attn_implementation = steps.IMPLEMENTATION
    return made


def build() -> Qwen3VLTextModel:
    torch.manual_seed(0)
    wanted = config()
    with steps.made_on(DEVICE, wanted.dtype):
        model = Qwen3VLTextModel(wanted).eval()
    return steps.bind_caches(model)


def profile() -> steps.Call:
    return steps.profile(config(), DEVICE)


def serving() -> dict[str, steps.Call]:
    return steps.serving(config(), DEVICE)


def mark(args: tuple[object, ...], kwargs: dict[str, torch.Tensor]) -> None:
    steps.mark(kwargs)


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()
