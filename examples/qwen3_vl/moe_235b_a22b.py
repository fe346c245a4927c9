"""transformers' Qwen3-VL-235B-A22B text model at its published size: 94 layers, 128 experts of which a token visits 8.

On a machine without a GPU its parameters are fake: they have shapes, and no memory.  Reads no weights and no network.
"""

from __future__ import annotations

from contextlib import AbstractContextManager

import qwen3_vl_steps as steps
import torch
from transformers import Qwen3VLMoeTextConfig, Qwen3VLMoeTextModel

DEVICE = "cuda"
CONFIG: dict[str, object] = {
    "vocab_size": 151936,
    "hidden_size": 4096,
    "intermediate_size": 12288,
    "num_hidden_layers": 94,
    "num_attention_heads": 64,
    "num_key_value_heads": 4,
    "head_dim": 128,
    "max_position_embeddings": 262144,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "moe_intermediate_size": 1536,
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "rms_norm_eps": 1e-6,
    "rope_parameters": {
        "rope_type": "default",
        "rope_theta": 5_000_000.0,
        "mrope_section": [24, 20, 20],
        "mrope_interleaved": True,
    },
    "dtype": torch.bfloat16,
}


def config() -> Qwen3VLMoeTextConfig:
    made = Qwen3VLMoeTextConfig(**CONFIG)
    made._attn_implementation = steps.IMPLEMENTATION
    made._experts_implementation = "grouped_mm"
    return made


def build() -> Qwen3VLMoeTextModel:
    torch.manual_seed(0)
    wanted = config()
    with steps.made_on(DEVICE, wanted.dtype):
        model = Qwen3VLMoeTextModel(wanted).eval()
    return steps.bind_caches(model)


def profile() -> steps.Call:
    return steps.profile(config(), DEVICE)


def serving() -> dict[str, steps.Call]:
    return steps.serving(config(), DEVICE)


def mark(args: tuple[object, ...], kwargs: dict[str, torch.Tensor]) -> None:
    steps.mark(kwargs)


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()
