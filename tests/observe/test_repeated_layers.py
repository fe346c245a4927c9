"""Repeated layers are traced once, and everything that an analysis says is what it says if each layer is traced."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Severity
from steadygraph.observe.layers import layer_structure, repeated_layers

WIDTH, LAYERS = 8, 5


class Layer(nn.Module):
    """A layer with parts, plain values, and a cache that is bound to it."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index, self.window, self.scale = index, 0, 1.0
        self.adapter: nn.Module | None = None
        self.names = {"residual": True}
        self.norm = nn.LayerNorm(WIDTH)
        self.linear = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("cache", torch.zeros(4, WIDTH))

    def forward(self, x, *, slots=None, unused=None, ctx=None):
        y = self.linear(self.norm(x)) * self.scale
        if self.window:
            y = y[:, -self.window :].mean(1, keepdim=True) + y
        if self.adapter is not None:
            y = y + self.adapter(y)
        if slots is not None:
            self.cache.index_add_(0, slots, y.sum(1)[: slots.shape[0]])
            y = y + self.cache.sum()
        return x + y if self.names["residual"] else y


class Model(nn.Module):
    def __init__(self, layer=Layer, layers=LAYERS) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layer(index) for index in range(layers))
        self.head = nn.Linear(WIDTH, 2)

    def forward(self, x, slots=None, visual=None):
        for index, layer in enumerate(self.layers):
            x = layer(x, slots=slots)
            if visual is not None and index in range(len(visual)):
                x = x + visual[index]
        return self.head(x)


def call(batch=3, **kwargs):
    return (torch.randn(batch, 6, WIDTH),), kwargs


def case(build: Callable[[], nn.Module] = Model, serving=None, **more: Any) -> Case:
    calls = serving or {"other": call}
    keywords = {"context": lambda name: torch.no_grad()} | more
    return Case(build=build, profile=call, serving=lambda: {name: make() for name, make in calls.items()}, **keywords)


def analyzed(wanted: Case, monkeypatch: pytest.MonkeyPatch, least: int) -> tuple[CaseReport, int]:
    """The report, and how many layers were not traced."""
    spared = []
    traced_once = repeated_layers.RepeatedLayers.traced_once

    @contextlib.contextmanager
    def counting(self):
        with traced_once(self) as trace:
            yield trace
            spared.append(trace.spared)

    with monkeypatch.context() as patch:
        patch.setattr(repeated_layers, "LEAST", least)
        patch.setattr(repeated_layers.RepeatedLayers, "traced_once", counting)
        torch.manual_seed(0)
        report = analyze_case(wanted, Settings(policies=None))
    graphs = tuple(dataclasses.replace(graph, code=None) for graph in report.graphs)
    return dataclasses.replace(report, duration_s=0.0, graphs=graphs), sum(spared)


def once_and_each(wanted: Case, monkeypatch: pytest.MonkeyPatch) -> tuple[CaseReport, CaseReport, int]:
    once, spared = analyzed(wanted, monkeypatch, LAYERS)
    each, none = analyzed(wanted, monkeypatch, 10**6)
    assert none == 0
    return once, each, spared


# --- what layers may be like -------------------------------------------------------------------------


def changed(**attributes: Any) -> Callable[[], Model]:
    """A model of which the fourth layer has other attributes."""

    def build():
        model = Model()
        for name, value in attributes.items():
            setattr(model.layers[3], name, value)
        return model

    return build


def hooked():
    model = Model()
    torch.utils.hooks.RemovableHandle.next_id = 1000  # guards name it
    model.layers[3].linear.register_forward_hook(lambda module, args, out: out * 2)
    return model


def tied():
    model = Model()
    model.layers[3].linear.weight = model.layers[0].linear.weight
    return model


def frozen():
    model = Model()
    model.layers[3].linear.weight.requires_grad_(False)
    return model


class Numbered(Layer):
    """The number of the layer is part of what it computes."""

    def forward(self, x, *, slots=None):
        return super().forward(x, slots=slots) / (self.index + 1)


class Breaking(Layer):
    def forward(self, x, *, slots=None):
        if x.sum() > 1e6:
            return x
        return super().forward(x, slots=slots)


class Unchanged(Layer):
    """What comes out is what went in: no subgraph of its own may do that."""

    def forward(self, x, *, slots=None):
        self.linear(x)
        return x


class Tupled(Layer):
    def forward(self, x, *, slots=None):
        return super().forward(x, slots=slots), x.sum()


class TupledModel(Model):
    def forward(self, x, slots=None):
        sums = []
        for layer in self.layers:
            x, total = layer(x)
            sums.append(total)
        return self.head(x), torch.stack(sums)


class Context:
    def __init__(self):
        self.step = 0


CONTEXT = Context()


class ReadsContext(Layer):
    def forward(self, x, *, slots=None):
        return super().forward(x) + CONTEXT.step


class WritesContext(Model):
    """What the layers read is changed between them: no guard tells them apart."""

    def forward(self, x, slots=None):
        for index, layer in enumerate(self.layers):
            CONTEXT.step = index
            x = layer(x)
        return self.head(x)


class WritesDict(Model):
    def forward(self, x, slots=None):
        for index, layer in enumerate(self.layers):
            layer.names["residual"] = index != 3
            x = layer(x)
        return self.head(x)


class HalfUnderAutocast(Model):
    def forward(self, x, slots=None):
        for index, layer in enumerate(self.layers):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=index > 2):
                x = layer(x)
        return self.head(x.float())


class Pairs(Layer):
    def forward(self, x, *, slots=None):
        one, other = x
        return super().forward(one) + other * 2


class SameAndOther(Model):
    """The two arguments are one tensor in some layers, and two in the others."""

    def forward(self, x, slots=None):
        for index, layer in enumerate(self.layers):
            x = layer((x, x if index % 2 else x + 1))
        return self.head(x)


class Cache:
    def __init__(self):
        self.seen = torch.zeros(1)


class ReadsCache(Layer):
    def forward(self, x, *, slots=None):
        return super().forward(x) + (0 if slots is None else slots.seen)


class Shares(Layer):
    """All layers reach the same objects: a class, a function of it, a table."""

    gate = True
    table: ClassVar[dict[str, Any]] = {"scale": 2.0}

    def forward(self, x, *, slots=None):
        if type(self).gate and type(self).forward is Shares.forward:
            x = x * self.table["scale"]
        return super().forward(x, slots=slots)


class Embedded(Model):
    """What the first layer is given is computed, as for the others: the first one stands for them."""

    def forward(self, x, slots=None):
        return super().forward(x.sin(), slots)


class KnowsItsClass(Layer):
    """What all layers share is reached on two paths of each."""

    gate = True

    def forward(self, x, *, slots=None):
        known = type(self).gate and self.__class__.__name__ == "KnowsItsClass"
        return super().forward(x, slots=slots) * (2 if known else 1)


class Called(Layer):
    """A class with a ``__call__`` of its own has its ``forward`` called as a bound method."""

    def __call__(self, *args, **kwargs):
        return super().__call__(*args, **kwargs)


class Counting(Layer):
    def forward(self, x, *, slots=None):
        self.index = self.index + 1
        return super().forward(x, slots=slots)


class First(Layer):
    """The first layer is known by name, and does something else."""

    model: Any = None

    def forward(self, x, *, slots=None):
        return super().forward(x) * (2 if self is First.model[0].layers[0] else 1)


def first():
    model = Model(First)
    First.model = [model]
    return model


ALIKE = {
    "equal layers": case(),
    "a cache that is bound to each": case(serving={"slots": lambda: call(slots=torch.arange(3))}),
    "features in the first layers only": case(
        serving={"image": lambda: call(visual=[torch.ones(1), torch.ones(1), torch.ones(1)])}
    ),
    "two kinds, by a number": case(changed(window=2)),
    "one has another scale": case(changed(scale=0.5)),
    "one has an adapter": case(changed(adapter=nn.Linear(WIDTH, WIDTH))),
    "one has a hook": case(hooked),
    "one is frozen": case(frozen, context=None),
    "weights are tied": case(tied),
    "with gradients": case(context=None),
    "objects that all of them share": case(lambda: Model(Shares)),
    "an object that all of them share, on two paths": case(lambda: Embedded(KnowsItsClass)),
    "a call of their own": case(lambda: Model(Called)),
    "several results": case(lambda: TupledModel(Tupled)),
    "another size": case(serving={"more": lambda: call(5), "one": lambda: call(1)}),
}
APART = {
    "the number is computed with": case(lambda: Model(Numbered)),
    "a graph break in each": case(lambda: Model(Breaking)),
    "the input is the output": case(lambda: Model(Unchanged)),
    "an attribute is written": case(lambda: Model(Counting)),
    "what they read is written in between": case(lambda: WritesContext(ReadsContext)),
}
ANY = {
    "an object is given": case(lambda: Model(ReadsCache), {"cache": lambda: call(slots=Cache())}),
    "a dict of theirs is written in between": case(WritesDict),
    "some under autocast": case(HalfUnderAutocast),
    "arguments that are one tensor": case(lambda: SameAndOther(Pairs)),
    "one is known by name": case(first),
}


@pytest.mark.parametrize("name", [*ALIKE, *APART, *ANY])
def test_the_report_is_the_same_as_if_each_layer_were_traced(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    once, each, spared = once_and_each((ALIKE | APART | ANY)[name], monkeypatch)

    assert once == each
    assert spared > 0 if name in ALIKE else spared == 0 if name in APART else True


SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}


@pytest.mark.parametrize("name", ["Llama", "Mixtral"])
def test_models_of_transformers_are_reported_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    transformers = pytest.importorskip("transformers")
    make, configure = getattr(transformers, f"{name}Model"), getattr(transformers, f"{name}Config")

    def tokens(count):
        return (), {"input_ids": torch.randint(0, 64, (1, count)), "use_cache": False}

    wanted = Case(
        build=lambda: make(configure(**SIZES)).eval(),
        profile=lambda: tokens(8),
        serving=lambda: {"text": tokens(5)},
        context=lambda name: torch.no_grad(),
    )
    once, each, spared = once_and_each(wanted, monkeypatch)

    assert spared > 0
    assert once == each


# --- what serving may change -------------------------------------------------------------------------


def before_serving(change: Callable[[nn.Module], object]) -> Callable[[nn.Module, str], None]:
    def before(model, name):
        if name != "profile":
            change(model)

    return before


def _flag(model):
    model.layers[3].names["residual"] = False


def _window(model):
    model.layers[3].window = 2


def _dtype(model):
    model.layers[3].linear.to(torch.float64)


def _frozen(model):
    model.layers[3].linear.weight.requires_grad_(False)


CHANGES = {
    "an int": (_window, "if self.window:"),
    "an entry of a dict": (_flag, 'return x + y if self.names["residual"] else y'),
    "the dtype of a weight": (_dtype, "y = self.linear(self.norm(x)) * self.scale"),
    "requires_grad of a weight": (_frozen, "y = self.linear(self.norm(x)) * self.scale"),
}


def test_what_changes_in_an_object_that_all_layers_share_is_found_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(model):
        monkeypatch.setitem(Shares.table, "scale", 3.0)

    once, each, spared = once_and_each(case(lambda: Model(Shares), before=before_serving(change)), monkeypatch)

    loud = [finding for finding in once.findings if finding.severity is not Severity.NOTE]
    assert spared > 0
    assert once == each
    assert len(loud) == 1


@pytest.mark.parametrize("name", CHANGES)
def test_what_changes_in_a_layer_that_was_not_traced_is_found_at_its_line(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, line = CHANGES[name]

    once, each, spared = once_and_each(case(before=before_serving(change), context=None), monkeypatch)

    loud = [finding for finding in once.findings if finding.severity is not Severity.NOTE]
    assert spared > 0
    assert once == each
    assert loud
    assert {finding.location.text for finding in loud if finding.location is not None} == {line}


# --- which modules are repeated ----------------------------------------------------------------------


def test_many_modules_of_one_class_with_parts_are_repeated_layers() -> None:
    model = Model(layers=repeated_layers.LEAST)

    found = list(repeated_layers.repeated(model))

    assert found == list(model.layers)


def test_few_modules_and_modules_without_parts_are_none() -> None:
    few = Model(layers=repeated_layers.LEAST - 1)
    linear = nn.Sequential(*(nn.Linear(2, 2) for _ in range(repeated_layers.LEAST)))

    assert list(repeated_layers.repeated(few)) == []
    assert list(repeated_layers.repeated(linear)) == []


def test_a_torch_that_lacks_a_part_traces_each_layer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_layers.torch_private, "lacking", lambda *parts: ["torch._one", "torch._other"])

    report, spared = analyzed(case(), monkeypatch, LAYERS)

    assert spared == 0
    assert report.findings == ()
    assert one_by_one(report) == [
        "repeated layers were traced one by one, which takes longer and finds the same: "
        f"torch {torch.__version__} has no torch._one, torch._other"
    ]


def test_a_torch_that_is_not_as_it_was_traces_each_layer_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(*_args: object, **_kwargs: object) -> None:
        raise ValueError("'module' is not a valid InputTag")

    monkeypatch.setattr("steadygraph.torch_private.tracing.subgraphs.classify_vt", moved)

    report, spared = analyzed(case(), monkeypatch, LAYERS)

    assert spared == 0
    assert report.findings == ()
    assert one_by_one(report) == [
        "repeated layers were traced one by one, which takes longer and finds the same: "
        "Layer could not be shared (ValueError: 'module' is not a valid InputTag)"
    ]


def test_a_model_without_repeated_layers_lacks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_layers.torch_private, "lacking", lambda *parts: ["torch._one"])

    report, _ = analyzed(case(), monkeypatch, LAYERS + 1)

    assert one_by_one(report) == []


def one_by_one(report: CaseReport) -> list[str]:
    return [note for note in report.notes if "one by one" in note]


@pytest.mark.parametrize(
    ("change", "same"),
    [
        pytest.param(lambda layer: None, True, id="nothing"),
        pytest.param(lambda layer: setattr(layer, "index", 7), True, id="a number"),
        pytest.param(lambda layer: setattr(layer, "index", "7"), False, id="a number that is a text"),
        pytest.param(lambda layer: setattr(layer, "extra", 1), False, id="one attribute more"),
        pytest.param(lambda layer: setattr(layer, "names", {"other": True}), False, id="other keys"),
        pytest.param(lambda layer: setattr(layer, "linear", nn.Linear(WIDTH, WIDTH, bias=False)), False, id="no bias"),
        pytest.param(lambda layer: setattr(layer, "linear", nn.Identity()), False, id="another class"),
        pytest.param(lambda layer: layer.norm.register_forward_hook(lambda *_: None), False, id="a hook"),
        pytest.param(lambda layer: layer.linear.weight.requires_grad_(False), False, id="a frozen weight"),
        pytest.param(lambda layer: layer.half(), False, id="another dtype"),
    ],
)
def test_layers_are_alike_if_only_plain_values_differ(change: Callable[[Layer], object], same: bool) -> None:
    one, other = Layer(0), Layer(1)

    change(other)

    assert layer_structure.alike(one, other) is same
