"""Models of transformers, built by rule: what is said of them is about what a user passes, at lines of the model.

Nobody chose their configurations.  Here a few are asked; ``steadygraph sweep transformers --out DIR`` asks whichever
transformers lists, and ``complaints.py DIR`` holds what that found against the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Finding
from steadygraph.suites.transformers import case
from steadygraph.suites.transformers.built import LARGEST, Built, built

pytest.importorskip("transformers")

#: Files of transformers that look at the arguments of every model alike.
WRAPPING = ("utils/output_capturing.py", "utils/generic.py", "utils/deprecation.py", "modeling_layers.py")
VARIADIC = re.compile(r"(?<![\w.])(?:args|kwargs)(?=\[|\.|`|$)")


def some(name: str, calls: Sequence[str]) -> Case:
    """The case of a class, with some of its calls."""
    model = built(name)
    return Case(
        build=model.build,
        profile=lambda: ((), model.profile()),
        serving=lambda: {each: ((), model.calls()[each]()) for each in calls},
        context=case.context,
        target=name,
    )


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
    report = analyze_case(some(name, calls), Settings(policies=None))

    assert list(complaints(report)) == []
    assert {(found.scenario, found.path) for found in report.findings if found.rule[:3] == "SG1"} >= said


@pytest.mark.parametrize(
    "name", ["LlamaModel", "BertModel", "T5Model", "MixtralModel", "Gemma3TextModel", "Qwen2VLTextModel"]
)
def test_a_configuration_made_by_rule_has_a_model_that_is_small_and_runs(name: str) -> None:
    model = built(name).build()

    assert sum(one.numel() for one in model.parameters()) < LARGEST


@pytest.mark.parametrize(
    ("name", "names", "some_calls"),
    [
        ("LlamaModel", ("input_ids",), {"longer", "single", "ones", "padded", "embeds", "uncached", "past"}),
        ("T5Model", ("input_ids", "decoder_input_ids"), {"longer", "ones", "uncached"}),
        ("ViTModel", ("pixel_values",), {"same", "single", "tuple"}),
        ("CLIPModel", ("input_ids", "pixel_values"), {"longer", "padded", "single"}),
    ],
)
def test_a_class_gets_the_calls_that_its_users_make(name: str, names: tuple[str, ...], some_calls: set[str]) -> None:
    model = built(name)

    assert model.names == names
    assert some_calls <= model.calls().keys()


def test_a_class_that_nothing_can_be_made_for_says_why() -> None:
    with pytest.raises(ValueError, match="its main input is input_features, and no arguments can be made for that"):
        Built(built("WhisperModel").cls).build()
