"""Models of transformers, built by rule: what is said of them is about what a user passes, at lines of the model.

Nobody chose their configurations: each number of the default one is made small by what its field is called.  Here a few
are asked; ``sweep.py`` asks whichever transformers lists.
"""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Finding

transformers = pytest.importorskip("transformers")

#: What a field is called -> how large it may be; the first that fits counts.
SMALL = tuple(
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
TOKEN, ANY_TOKEN, TOKENS = re.compile(r"token_(id|index)s?$|_id$"), 3, range(4, 100)
LAYERS = re.compile(r"layers?$")
#: Not what a model is made of, or made anew from other fields.
LEFT_OUT = frozenset({"transformers_version", "architectures", "id2label", "label2id", "return_dict", "dtype"})
LARGEST = 12_000_000
#: Files of transformers that look at the arguments of every model alike.
WRAPPING = ("utils/output_capturing.py", "utils/generic.py", "utils/deprecation.py", "modeling_layers.py")
VARIADIC = re.compile(r"(?<![\w.])(?:args|kwargs)(?=\[|\.|`|$)")


def small(config_class: Any, *, layers: int = 1, heads: int = 16) -> Any:
    """A configuration with few parameters: each number of the default one, and of those in it, by what it is called.

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
        if name.startswith("_") or name in LEFT_OUT or isinstance(value, bool):
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
    if TOKEN.search(name):
        return value if value < TOKENS.stop else ANY_TOKEN
    size = next((size for pattern, size in SMALL if pattern.search(name)), value)
    if LAYERS.search(name):
        size = min(size, layers)
    return min(value, size * heads // 16 if size in (16, 64) else size)


@dataclass(frozen=True)
class BuiltByRule:
    """A class of transformers with a small configuration, and calls that its forward takes.

    Raises:
        ValueError: No configuration that was tried has a model that runs and is small; says why, one by one.
    """

    name: str

    @cached_property
    def config(self) -> Any:
        reasons = []
        for options in ({}, {"layers": 2}, {"layers": 2, "heads": 128}):
            try:
                config = small(self.cls.config_class, **options)
                self._try(config)
                return config
            except Exception as error:  # whatever a model that was not made for such a configuration does
                reasons.append(f"{type(error).__name__}: {error}".split("\n")[0])
        raise ValueError("; ".join(dict.fromkeys(reasons)))

    @property
    def cls(self) -> Any:
        return getattr(transformers, self.name)

    @cached_property
    def parameters(self) -> Sequence[str]:
        return list(inspect.signature(self.cls.forward).parameters)

    def case(self, names: Sequence[str] | None = None) -> Case:
        """The calls of these names, or all that its forward takes."""
        calls = {name: call for name, call in self.calls().items() if names is None or name in names}
        return Case(
            build=lambda: self.build(self.config),
            profile=lambda: ((), self.tokens()),
            serving=lambda: {name: ((), call()) for name, call in calls.items()},
            context=lambda name: torch.no_grad(),
            target=self.name,
        )

    def build(self, config: Any) -> nn.Module:
        torch.manual_seed(0)
        return self.cls(copy.deepcopy(config)).eval()

    def calls(self) -> dict[str, Callable[[], dict[str, Any]]]:
        """What people change: sizes first, then what they pass, then what they ask for."""
        found: dict[str, Callable[[], dict[str, Any]]] = {
            "same": lambda: self.tokens(seed=1),
            "longer": lambda: self.tokens(length=18),
            "single": lambda: self.tokens(batch=1),
            "int32": lambda: {name: ids.int() for name, ids in self.tokens().items()},
            "states": lambda: self.tokens() | {"output_hidden_states": True},
            "tuple": lambda: self.tokens() | {"return_dict": False},
        }
        if "attention_mask" in self.parameters:
            found["ones"] = lambda: self.tokens() | {"attention_mask": mask(padding=0)}
            found["padded"] = lambda: self.tokens() | {"attention_mask": mask(padding=3)}
        if "use_cache" in self.parameters:
            found["uncached"] = lambda: self.tokens() | {"use_cache": False}
        if (
            "past_key_values" in self.parameters
            and "decoder_input_ids" not in self.parameters
            and self._past is not None
        ):
            found["past"] = lambda: self.tokens(length=1) | {"past_key_values": copy.deepcopy(self._past)}
        return found

    def tokens(self, batch: int = 2, length: int = 13, seed: int = 0) -> dict[str, Tensor]:
        random = torch.Generator().manual_seed(seed)
        ids = {"input_ids": (batch, length), "decoder_input_ids": (batch, length // 2)}
        return {
            name: torch.randint(TOKENS.start, TOKENS.stop, shape, generator=random)
            for name, shape in ids.items()
            if name in self.parameters
        }

    @cached_property
    def _past(self) -> Any:
        """What a decoder hands on to its next call; None where the class makes or takes no such thing."""
        if "past_key_values" not in self.parameters or "decoder_input_ids" in self.parameters:
            return None
        with torch.no_grad():
            return self.build(self.config)(**self.tokens(), use_cache=True).past_key_values

    def _try(self, config: Any) -> None:
        with torch.device("meta"):
            size = sum(one.numel() for one in self.cls(copy.deepcopy(config)).parameters())
        if size > LARGEST:
            raise ValueError(f"{size:,} parameters")
        with torch.no_grad():
            self.build(config)(**self.tokens())


def mask(padding: int, batch: int = 2, length: int = 13) -> Tensor:
    """Ones for what to look at; the last row begins with padding."""
    keep = torch.ones(batch, length, dtype=torch.long)
    keep[-1, :padding] = 0
    return keep


def complaints(report: CaseReport) -> Iterator[str]:
    """What no finding about a model of a library may say."""
    for found in report.findings:
        for why in _wrong_with(found):
            yield f"{found.scenario}: {found.rule}: {why}"


def _wrong_with(found: Finding) -> Iterator[str]:
    if found.rule in ("SG901", "SG902"):
        yield f"nothing explains it: {found.message}"
    if any(VARIADIC.search(text) for text in (found.path, *found.also, found.message)):
        yield f"blames what a decorator is given: {found.message}"
    if found.location is not None and found.location.path.endswith(WRAPPING):
        yield f"points into a decorator: {found.location.path}:{found.location.line}"
    if found.path.split(".")[0] == "past_key_values" and "cache" not in (found.fix or ""):
        yield f"has no advice for a cache: {found.fix}"
    if found.path == "attention_mask" and "ones where it says what to keep" not in (found.fix or ""):
        yield f"has no advice for a mask: {found.fix}"


@pytest.mark.parametrize(
    ("name", "calls", "said"),
    [
        ("LlamaModel", ("ones", "states"), {("ones", "attention_mask"), ("states", "output_hidden_states")}),
        ("GPT2Model", ("past", "tuple"), {("past", "past_key_values"), ("tuple", "return_dict")}),
    ],
)
def test_what_is_said_is_about_what_the_user_passes(
    name: str, calls: Sequence[str], said: set[tuple[str, str]]
) -> None:
    report = analyze_case(BuiltByRule(name).case(calls), Settings(policies=None))

    assert list(complaints(report)) == []
    assert {(found.scenario, found.path) for found in report.findings if found.rule[:3] == "SG1"} >= said


@pytest.mark.parametrize(
    "name", ["LlamaModel", "BertModel", "T5Model", "MixtralModel", "Gemma3TextModel", "Qwen2VLTextModel"]
)
def test_a_configuration_made_by_rule_has_a_model_that_is_small_and_runs(name: str) -> None:
    built = BuiltByRule(name)

    model = built.build(built.config)

    assert sum(one.numel() for one in model.parameters()) < LARGEST
