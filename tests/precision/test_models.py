"""Models of transformers that nobody prepared: all that steadygraph warns of in them is true.

``models.toml`` lists them.  Each is built small, with random weights, and called with other batches and lengths than in
the profile call; the sizes that change are marked as dynamic.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Finding, Policy, Result, Severity

transformers = pytest.importorskip("transformers")

#: Batch, and the lengths of a text, of what a decoder has written so far, and of a sound.  No two sizes of a call are
#: equal, Dynamo would take them for one; and none is 1, which is a constant.
SIZES = {
    "profile": {"batch": 4, "tokens": 16, "decoded": 7, "samples": 4000},
    "same": {"batch": 4, "tokens": 16, "decoded": 7, "samples": 4000},
    "larger": {"batch": 6, "tokens": 21, "decoded": 10, "samples": 5300},
    "smaller": {"batch": 3, "tokens": 11, "decoded": 5, "samples": 3100},
}
#: Kind of input -> argument -> its dimensions: sizes of above, or fields of the configuration.
INPUTS = {
    "tokens": {"input_ids": ("batch", "tokens")},
    "tokens and mask": {"input_ids": ("batch", "tokens"), "attention_mask": ("batch", "tokens")},
    "embeddings": {"inputs_embeds": ("batch", "tokens", "hidden_size")},
    "encoder and decoder tokens": {
        "input_ids": ("batch", "tokens"),
        "attention_mask": ("batch", "tokens"),
        "decoder_input_ids": ("batch", "decoded"),
    },
    "waveform": {"input_values": ("batch", "samples")},
    "spectrogram": {"input_values": ("batch", "max_length", "num_mel_bins")},
    "spectrogram and decoder tokens": {
        "input_features": ("batch", "num_mel_bins", "frames"),
        "decoder_input_ids": ("batch", "decoded"),
    },
    "image": {"pixel_values": ("batch", "num_channels", "image_size", "image_size")},
}
#: What is no field of every configuration that needs it; Whisper's encoder halves the number of frames.
FALLBACKS = {"image_size": lambda config: 40, "frames": lambda config: 2 * config.max_source_positions}
VOCABULARY, PADDING = 199, 5


@dataclass(frozen=True)
class Entry:
    """One model of ``models.toml``, where the fields are described."""

    name: str
    domain: str
    inputs: str
    config: Mapping[str, Any]
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    calls: tuple[str, ...] = ("same", "larger", "smaller")
    recompiles: tuple[str, ...] = ()
    explained: tuple[Mapping[str, str], ...] = ()

    def case(self) -> Case:
        return Case(
            build=self.build,
            profile=lambda: self.call("profile"),
            serving=lambda: {name: self.call(name) for name in self.calls},
            mark=lambda args, kwargs: self.mark(kwargs),
            context=lambda name: torch.no_grad(),
            target=self.name,
        )

    def build(self) -> nn.Module:
        torch.manual_seed(0)
        model = getattr(transformers, self.name)
        return model(model.config_class(**self.config)).eval()

    def call(self, name: str) -> tuple[tuple[object, ...], dict[str, object]]:
        config = getattr(transformers, self.name).config_class(**self.config)
        sizes = {size: self.size(size, "profile" if size in self.fixed else name) for size in SIZES[name]}
        random = torch.Generator().manual_seed(list(SIZES).index(name))
        kwargs: dict[str, object] = {
            argument: values(argument, [sizes.get(dim) or size_of(config, dim) for dim in dims], random)
            for argument, dims in INPUTS[self.inputs].items()
        }
        return (), kwargs | ({"use_cache": False} if hasattr(config, "use_cache") else {})

    def size(self, size: str, call: str) -> int:
        return self.sizes[size][list(SIZES).index(call)] if size in self.sizes else SIZES[call][size]

    def mark(self, kwargs: Mapping[str, Tensor]) -> None:
        for argument, dims in INPUTS[self.inputs].items():
            for index, dim in enumerate(dims):
                if dim in SIZES["profile"] and dim not in self.fixed:
                    torch._dynamo.mark_dynamic(kwargs[argument], index)


def size_of(config: Any, dim: str) -> int:
    return getattr(config, dim) if hasattr(config, dim) else FALLBACKS[dim](config)


def values(argument: str, shape: list[int], random: torch.Generator) -> Tensor:
    if argument == "attention_mask":
        mask = torch.ones(shape, dtype=torch.long)
        mask[-1, -PADDING:] = 0
        return mask
    if argument.endswith("input_ids"):
        return torch.randint(3, VOCABULARY, shape, generator=random)
    return torch.randn(shape, generator=random)


def entries() -> list[Entry]:
    text = Path(__file__).with_name("models.toml").read_text(encoding="utf-8")
    return [Entry(**one) for one in tomllib.loads(text)["model"]]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Tensors are tiny here: several threads, in several workers, only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=entries(), ids=lambda entry: entry.name)
def entry(request: pytest.FixtureRequest) -> Entry:
    return request.param


def compiled_again(entry: Entry) -> set[str]:
    """Serving calls that have new graphs under plain ``torch.compile``, without steadygraph."""
    graphs = 0

    def backend(module: torch.fx.GraphModule, _inputs: object) -> Any:
        nonlocal graphs
        graphs += 1
        return module.forward

    torch.compiler.reset()
    model, case, again = entry.build(), entry.case(), set()
    model.compile(backend=backend)
    for name, (args, kwargs) in {"profile": case.profile(), **case.serving()}.items():
        if name == "profile":
            entry.mark(kwargs)
        before = graphs
        with torch.no_grad():
            model(*args, **kwargs)
        if graphs > before:
            again.add(name)
    torch.compiler.reset()
    return again - {"profile"}


def results(report: CaseReport, policy: Policy) -> dict[str, Result]:
    return {one.name: o.result for one in report.scenarios for o in one.outcomes if o.policy is policy}


def loud(report: CaseReport) -> Iterator[Finding]:
    return (finding for finding in report.findings if finding.severity is not Severity.NOTE)


def explanation(entry: Entry, finding: Finding) -> Mapping[str, str] | None:
    return next(
        (one for one in entry.explained if one["rule"] == finding.rule and finding.path.startswith(one["path"])), None
    )


def test_every_warning_is_a_true_one_and_outcomes_are_those_of_plain_torch_compile(entry: Entry) -> None:
    report = analyze_case(entry.case(), Settings(policies=None))

    kept = results(report, Policy.RECOMPILE)
    assert set(kept.values()) <= {Result.SAME, Result.RECOMPILES}
    assert {name for name, result in kept.items() if result is Result.RECOMPILES} - {"profile"} == set(entry.recompiles)
    assert [(f.scenario, f.rule, f.path) for f in loud(report) if explanation(entry, f) is None] == []
    used = [explanation(entry, finding) for finding in loud(report)]
    assert [one for one in entry.explained if one not in used] == []
    if not entry.explained:
        assert set(results(report, Policy.DROP).values()) == {Result.SAME}


@pytest.mark.parametrize("name", ["LlamaModel", "MixtralModel", "RwkvModel", "T5Model", "ASTModel", "ViTModel"])
def test_plain_torch_compile_compiles_again_where_the_list_says(name: str) -> None:
    """One of each domain, Rwkv does; ``relabel.py`` asks all."""
    (listed,) = [entry for entry in entries() if entry.name == name]

    again = compiled_again(listed)

    assert again == set(listed.recompiles)


def test_the_models_are_of_many_kinds() -> None:
    listed = entries()

    assert len(listed) >= 25
    assert {entry.domain for entry in listed} == {"text", "moe", "ssm", "encoder-decoder", "audio", "vision"}
    assert all(reason.endswith(".") for entry in listed for reason in entry.fixed.values())
    assert {call for entry in listed for call in entry.recompiles} == SIZES.keys() - {"profile"}
    assert all(one["why"].endswith(".") for entry in listed for one in entry.explained)
