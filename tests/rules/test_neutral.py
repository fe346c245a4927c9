"""Which arguments are told what: by their names, and by what they are where they are there."""

from __future__ import annotations

import pytest

from steadygraph_rules import neutral


@pytest.mark.parametrize(
    "path",
    ["past", "past_key_values", "kwargs['past_key_values']", "past_kv", "kv_cache", "cache.keys", "kv", "caches[3]"],
)
def test_the_past_of_a_sequence_is_told_by_its_name(path: str) -> None:
    assert neutral.is_cache(path)
    assert neutral.fix(path, "tuple with 2 tensors").startswith("Pass a cache of one fixed size ")


@pytest.mark.parametrize("path", ["cache_position", "use_cache", "x", "past_steps", "cached", "kvs", "pasta"])
def test_what_has_another_name_is_no_past(path: str) -> None:
    assert not neutral.is_cache(path)


@pytest.mark.parametrize(
    ("path", "value", "beginning"),
    [
        ("keep", "torch.bool[4] on cpu", "Pass a mask without effect "),
        ("attention_mask", "torch.int64[2, 8] on cpu", "Pass a mask without effect "),
        ("kwargs['pixel_mask']", "", "Pass a mask without effect "),
        ("top_k", "50", "Pass `top_k` "),
        ("scale", "-1e-05", "Pass `scale` "),
        ("cache", "'static'", "Pass the same value of `cache` "),
        ("past_key_values", "None", "Pass the same value of `past_key_values` "),
        ("past_key_values", "EncoderDecoderCache", "Pass a cache of one fixed size "),
        ("use_cache", "True", "Pass the same value of `use_cache` "),
        ("deep", "IntermediateTensors with 3 tensors", "Pass zeros "),
        ("deep", "list with 1 tensor", "Pass zeros "),
        ("image", "torch.float32[2, 4] on cpu", "Pass zeros "),
        ("kwargs['image']", "", "Pass zeros "),
    ],
)
def test_a_value_is_told_what_has_no_effect_in_its_place(path: str, value: str, beginning: str) -> None:
    assert neutral.fix(path, value).startswith(beginning)
