"""What a serving engine does around transformers' Qwen3-VL text models: attention over a bound cache, and the calls.

The keys and values of a request lie in a cache that is bound to each attention layer, as vLLM binds them: the compiled
forward writes to it and reads from it, and prefill and decode are the same code.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from transformers import AttentionInterface, PreTrainedConfig, PreTrainedModel

Call = tuple[tuple[object, ...], dict[str, object]]

#: So many tokens of one request have room in the cache.
CACHE_TOKENS = 256
#: Visual features are added after so many layers: 0, 1, 2.
LEVELS = 3
IMPLEMENTATION = "cache_bound_to_layer"


def attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    slots: torch.Tensor,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of the new tokens to those in the cache, themselves among them.

    Args:
        module: The attention layer with its cache, ``[1, kv_heads, CACHE_TOKENS, head_dim]``.
        query: ``[1, heads, tokens, head_dim]``.
        key: ``[1, kv_heads, tokens, head_dim]``, as is ``value``.
        value: See ``key``.
        attention_mask: Not used: which tokens are visible follows from ``slots``.
        scaling: What the scores are multiplied with.
        slots: ``[tokens]``, int64: where in the cache each new token goes; that is its position, too.

    Returns:
        ``[1, tokens, heads, head_dim]``, and None for the weights.
    """
    module.key_cache.index_copy_(2, slots, key)
    module.value_cache.index_copy_(2, slots, value)
    visible = torch.arange(CACHE_TOKENS, device=slots.device) <= slots[:, None]
    out = nn.functional.scaled_dot_product_attention(
        query, module.key_cache, module.value_cache, attn_mask=visible, scale=scaling, enable_gqa=True
    )
    return out.transpose(1, 2).contiguous(), None


AttentionInterface.register(IMPLEMENTATION, attention)


@contextlib.contextmanager
def made_on(device: str, dtype: torch.dtype) -> Iterator[None]:
    """A block in which parameters are made where and as they are served: nothing is ever held in float32."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            yield
    finally:
        torch.set_default_dtype(before)


def bind_caches(model: PreTrainedModel) -> PreTrainedModel:
    """Give each attention layer its cache, in the dtype and on the device of its weights."""
    for layer in model.layers:
        attention = layer.self_attn
        like, heads = attention.k_proj.weight, model.config.num_key_value_heads
        shape = (1, heads, CACHE_TOKENS, attention.head_dim)
        attention.register_buffer("key_cache", torch.zeros(shape, dtype=like.dtype, device=like.device))
        attention.register_buffer("value_cache", torch.zeros(shape, dtype=like.dtype, device=like.device))
    return model


def call(config: PreTrainedConfig, device: str, tokens: int, *, start: int = 0, image: slice | None = None) -> Call:
    """What the engine hands to the text model in one step; without an image both visual arguments are None.

    Args:
        config: Of the model.
        device: Where its inputs are.
        tokens: How many new tokens there are.
        start: How many are in the cache already.
        image: Which of the new tokens stand for an image.
    """
    slots = torch.arange(start, start + tokens, device=device)
    mask, features = None, None
    if image is not None:
        places = torch.arange(tokens, device=device)
        mask = ((places >= image.start) & (places < image.stop))[None]
        rows = image.stop - image.start
        features = list(torch.randn(LEVELS, rows, config.hidden_size, dtype=config.dtype, device=device))
    return (), {
        "inputs_embeds": torch.randn(1, tokens, config.hidden_size, dtype=config.dtype, device=device),
        "position_ids": slots.expand(3, 1, tokens).clone(),
        "slots": slots,
        "visual_pos_masks": mask,
        "deepstack_visual_embeds": features,
        "use_cache": False,
    }


def profile(config: PreTrainedConfig, device: str) -> Call:
    """Warm-up: text alone, as many tokens as a step may have."""
    return call(config, device, 128)


def serving(config: PreTrainedConfig, device: str) -> dict[str, Call]:
    """A text, its next token, and another request: a text with an image in it."""
    return {
        "text": call(config, device, 40),
        "decode": call(config, device, 1, start=40),
        "image": call(config, device, 96, image=slice(8, 72)),
    }


def mark(kwargs: dict[str, torch.Tensor]) -> None:
    """The number of new tokens changes from step to step, and may be 1."""
    for name, dimension in (("inputs_embeds", 1), ("position_ids", 2), ("slots", 0)):
        torch._dynamo.decorators.mark_unbacked(kwargs[name], dimension, shape_id="tokens")
