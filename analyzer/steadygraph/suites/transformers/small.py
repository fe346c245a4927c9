"""A configuration with few parameters: each number of the default one is made small by what its field is called."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

#: What a field is called -> how large it may be; the first that fits counts.
_SMALL = tuple(
    (re.compile(name), size)
    for name, size in (
        (r"vocab_size|n_vocab|codebook_size|num_codevectors", 128),
        (r"layers?$|^depth$|num_blocks$|num_hidden_groups", 2),
        (r"num_kv_heads|key_value_heads|n_head_kv", 2),
        (r"heads?$", 4),
        (r"experts_per_tok|num_experts_per|top_?k$", 2),
        (r"n_group$|topk_group$", 1),
        (r"experts$", 4),
        (r"position_embeddings|n_positions|max_seq|seq_length|n_ctx|max_len|max_\w+_positions|context_length", 256),
        (r"sliding_window|local_attention|attention_window|window_size", 12),
        (r"head_dim|head_size|d_kv|kv_channels|rotary_dim", 16),
        (r"_rank$", 16),
        (r"intermediate_size|ffn_dim|d_ff$|ffn_hidden|n_inner|d_inner|hidden_dim$|feed_forward", 96),
        (r"state_size|d_state", 8),
        (r"hidden_size|d_model|n_embd|embedding_size|embed_dim|emb_dim|^dim$|_dim$|width", 64),
        (r"image_size", 32),
        (r"patch_size", 8),
    )
)
#: Numbers that name a token; in a small vocabulary the last ones do not exist.
_TOKEN, _ANY_TOKEN = re.compile(r"token_(id|index)s?$|_id$"), 3
TOKENS = range(4, 100)
_LAYERS = re.compile(r"layers?$")
#: Not what a model is made of, or made anew from other fields.
_LEFT_OUT = frozenset({"transformers_version", "architectures", "id2label", "label2id", "return_dict", "dtype"})


def small(config_class: Any, *, layers: int = 1, heads: int = 16) -> Any:
    """A small configuration, and small ones of those in it.

    Args:
        config_class: Of transformers.
        layers: How many, where all are alike; two where they are of several kinds.
        heads: How wide each may be at most: rotary sections are made for a certain one.
    """
    default = vars(config_class())
    each = [value for value in default.values() if _for_each_layer(value, default)]
    layers = 2 if any(value != [value[0]] * len(value) for value in map(list, each)) else layers
    fields: dict[str, Any] = {}
    for name, value in default.items():
        if name.startswith("_") or name in _LEFT_OUT or isinstance(value, bool):
            continue
        if hasattr(value, "to_dict"):
            fields[name] = small(type(value), layers=layers, heads=heads)
        elif _for_each_layer(value, default):
            other = next((one for one in value if one != value[0]), value[0])
            fields[name] = [value[0], other][:layers]
        elif isinstance(value, int):
            fields[name] = _size(name, value, layers, heads)
    return config_class(**fields)


def _for_each_layer(value: object, default: Mapping[str, Any]) -> bool:
    return isinstance(value, list | tuple) and len(value) > 2 and len(value) == default.get("num_hidden_layers")


def _size(name: str, value: int, layers: int, heads: int) -> int:
    if _TOKEN.search(name):
        return value if value < TOKENS.stop else _ANY_TOKEN
    size = next((size for pattern, size in _SMALL if pattern.search(name)), value)
    if _LAYERS.search(name):
        size = min(size, layers)
    return min(value, size * heads // 16 if size in (16, 64) else size)
