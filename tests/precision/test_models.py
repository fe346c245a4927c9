"""Models of transformers that nobody prepared: what steadygraph warns of in them is true, and it warns of nothing else.

``models.toml`` lists them.  Each is built small, with random weights, and called with another batch and another length
than in the profile call; the sizes that change are marked as dynamic.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steadygraph.case import Case
from steadygraph.config import Settings
from steadygraph.engine import analyze_case
from steadygraph.model import CaseReport, Policy, Severity

transformers = pytest.importorskip("transformers")

#: Batch, length of a text, of what a decoder has written so far, of a sound.  No two sizes of a call are equal: Dynamo
#: would take them for one.
SIZES = {
    "profile": {"batch": 4, "tokens": 32, "decoded": 12, "samples": 4000},
    "same": {"batch": 4, "tokens": 32, "decoded": 12, "samples": 4000},
    "larger": {"batch": 6, "tokens": 41, "decoded": 19, "samples": 5300},
    "smaller": {"batch": 3, "tokens": 23, "decoded": 8, "samples": 3100},
}
#: What each kind of input consists of: argument -> its dimensions, each a size above or a field of the configuration.
INPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "tokens": {"input_ids": ("batch", "tokens")},
    "tokens and mask": {"input_ids": ("batch", "tokens"), "attention_mask": ("batch", "tokens")},
    "embeddings": {"inputs_embeds": ("batch", "tokens", "hidden_size")},
    "encoder and decoder tokens": {
        "input_ids": ("batch", "tokens"),
        "attention_mask": ("batch", "tokens"),
        "decoder_input_ids": ("batch", "decoded"),
    },
    "spectrogram": {"input_values": ("batch", "max_length", "num_mel_bins")},
    "spectrogram and decoder tokens": {
        "input_features": ("batch", "num_mel_bins", "frames"),
        "decoder_input_ids": ("batch", "decoded"),
    },
    "waveform": {"input_values": ("batch", "samples")},
    "image": {"pixel_values": ("batch", "num_channels", "image_size", "image_size")},
}


@dataclass(frozen=True)
class Entry:
    """One model of ``models.toml``, where the fields are described."""

    name: str
    domain: str
    inputs: str
    config: Mapping[str, Any]
    fixed: Mapping[str, str] = field(default_factory=dict)
    explained: tuple[Mapping[str, str], ...] = ()

    def case(self) -> Case:
        return Case(
            build=self.build,
            profile=lambda: self.call("profile"),
            serving=lambda: {name: self.call(name) for name in SIZES if name != "profile"},
            mark=lambda args, kwargs: self.mark(kwargs),
            context=lambda name: torch.no_grad(),
            target=self.name,
        )

    def build(self) -> nn.Module:
        model = getattr(transformers, self.name)
        torch.manual_seed(0)
        config = model.config_class(**self.config)
        return model(config).eval()

    def call(self, name: str) -> tuple[tuple[object, ...], dict[str, object]]:
        sizes = {k: SIZES["profile" if k in self.fixed else name][k] for k in SIZES[name]}
        config = getattr(transformers, self.name).config_class(**self.config)
        sizes["frames"] = 2 * getattr(config, "max_source_positions", 0)
        kwargs: dict[str, object] = {}
        for argument, dims in INPUTS[self.inputs].items():
            shape = [sizes[d] if d in sizes else getattr(config, d, 40) for d in dims]
            kwargs[argument] = values(argument, shape)
        if self.domain in ("text", "moe", "ssm", "encoder-decoder") or "decoder_input_ids" in kwargs:
            kwargs["use_cache"] = False
        return (), kwargs

    def mark(self, kwargs: Mapping[str, Tensor]) -> None:
        for argument, dims in INPUTS[self.inputs].items():
            for dim, size in enumerate(dims):
                if size in SIZES["profile"] and size not in self.fixed:
                    torch._dynamo.mark_dynamic(kwargs[argument], dim)


def values(argument: str, shape: list[int]) -> Tensor:
    if argument == "attention_mask":
        mask = torch.ones(shape, dtype=torch.long)
        mask[-1, -5:] = 0
        return mask
    return torch.randint(3, 199, shape) if argument.endswith("input_ids") else torch.randn(shape)


def entries() -> list[Entry]:
    text = Path(__file__).with_name("models.toml").read_text(encoding="utf-8")
    return [Entry(**one) for one in tomllib.loads(text)["model"]]
