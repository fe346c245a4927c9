"""The states of an incident differ in nothing but their defect: with the CPU as device they say the same."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

Load = Callable[..., ModuleType]

MERGING = ("bool_index", "masked_scatter", "cpu_mask", "reference")
SCRATCH = ("before", "before_reallocates", "after")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, repository: Path) -> Iterator[Load]:
    """``load("merging", "merging_steps", "reference")``: a case of that folder, with the CPU as its device."""
    known = set(sys.modules)

    def case(folder: str, steps: str, name: str) -> ModuleType:
        monkeypatch.syspath_prepend(repository / "examples" / folder)
        monkeypatch.setattr(importlib.import_module(steps), "DEVICE", "cpu")
        # Other folders have cases of the same name.
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    yield case
    for name in set(sys.modules) - known:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(repository / "examples"):
            del sys.modules[name]


def outputs(case: ModuleType, **calls: Any) -> dict[str, Any]:
    """Of every call on one model; of a step with logits, those."""
    model = case.build()
    with case.context("all"):
        made = {name: model(*args, **kwargs) for name, (args, kwargs) in calls.items()}
    return {name: getattr(out, "logits", out) for name, out in made.items()}


def test_rows_are_merged_in_the_same_places_by_all_states(load: Load) -> None:
    import torch

    first, *others = (load("merging", "merging_steps", name) for name in MERGING)
    calls = {"profile": first.profile(), **first.serving()}

    wanted = outputs(first, **calls)

    assert list(wanted) == ["profile", "text", "image", "image_padded", "two_images", "decode"]
    for case in others:
        got = outputs(case, **calls)
        assert [name for name in wanted if not torch.equal(got[name], wanted[name])] == [], case.__name__


@pytest.mark.parametrize(
    ("name", "logits"), [("masked_scatter", 16), ("cpu_mask", 0), ("reference", 0)], ids=lambda value: str(value)
)
def test_surplus_rows_are_refused_by_all_but_masked_scatter(name: str, logits: int, load: Load) -> None:
    case = load("merging", "merging_steps", name)

    got = outputs(case, surplus_rows=case.serving()["surplus_rows"])["surplus_rows"]

    assert len(got) == logits


def test_surplus_rows_are_an_error_of_the_index_that_waits(load: Load) -> None:
    case = load("merging", "merging_steps", "bool_index")
    steps = importlib.import_module("merging_steps")

    with pytest.raises((IndexError, RuntimeError), match="shape mismatch"):
        outputs(case, surplus_rows=steps.serving_with_surplus()["surplus_rows"])


def test_the_scratch_changes_no_result(load: Load) -> None:
    import torch

    first, *others = (load("moe_scratch", "scratch_steps", name) for name in SCRATCH)
    calls = {"profile": first.profile(), **first.serving()}

    wanted = outputs(first, **calls)

    assert list(wanted) == ["profile", "capture_16", "capture_8", "prefill", "decode", "full_decode"]
    for case in others:
        got = outputs(case, **calls)
        for name in wanted:
            torch.testing.assert_close(got[name], wanted[name])


@pytest.mark.parametrize("name", SCRATCH)
def test_experts_on_the_scratch_do_what_they_do_without(name: str, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    case = load("moe_scratch", "scratch_steps", name)
    decode = case.serving()["decode"]

    with_scratch = outputs(case, decode=decode)["decode"]
    # The case has a number of its own for the scratch: only the runner is told that no step is short enough.
    monkeypatch.setattr(importlib.import_module("scratch_model"), "MAX_DECODE_TOKENS", 0)
    without = outputs(case, decode=decode)["decode"]

    torch.testing.assert_close(with_scratch, without)
