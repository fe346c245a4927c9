"""The examples do what their README says, under plain torch.compile and under ``steadygraph analyze``."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steadygraph.model import CaseReport
from steadygraph.model.run import RunReport

from .conftest import Demo

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
DEEPSTACK = EXAMPLES / "deepstack"
BROKEN, REPAIRED = DEEPSTACK / "v1_broken.py", DEEPSTACK / "v3_repaired.py"
QWEN = EXAMPLES / "qwen3_vl_text.py"


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], ModuleType]]:
    """Imports a case as if its folder were the working directory, and forgets it afterwards."""
    before = set(sys.modules)

    def load_case(file: Path) -> ModuleType:
        monkeypatch.syspath_prepend(file.parent)
        return importlib.import_module(file.stem)

    yield load_case
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(EXAMPLES):
            del sys.modules[name]


def run(case: ModuleType, *, compiled: bool, drop: bool = False) -> dict[str, Any]:
    """The output (or the message of the error) of every call, and how many graphs were compiled in it."""
    import torch
    from torch._dynamo.testing import CompileCounter

    torch.compiler.reset()
    model, counter, results = case.build(), CompileCounter(), {}
    region = case.regions(model)[0] if hasattr(case, "regions") else model
    if compiled:
        options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe} if drop else None
        region.compile(backend=counter, options=options)
    for name, (args, kwargs) in {"profile": case.profile(), **case.serving()}.items():
        if name == "profile" and compiled and hasattr(case, "mark"):
            case.mark(args, kwargs)
        compiled_before, around = counter.frame_count, getattr(case, "context", lambda _: nullcontext())
        if hasattr(case, "before"):
            case.before(model, name)
        results[name] = (called(case, model, args, kwargs, around(name)), counter.frame_count - compiled_before)
    return results


def called(
    case: ModuleType, model: Any, args: tuple[Any, ...], kwargs: dict[str, Any], around: AbstractContextManager[Any]
) -> Any:
    try:
        with around:
            out = model(*args, **kwargs)
            out = case.observe(model, out) if hasattr(case, "observe") else out
    except (ValueError, AssertionError) as error:
        return str(error)
    return getattr(out, "last_hidden_state", out)


def same(left: Any, right: Any) -> bool:
    import torch

    if isinstance(left, str) or isinstance(right, str):
        return bool(left == right)
    return torch.allclose(left, right, rtol=1.3e-6, atol=1e-5)


# --- the examples themselves, without steadygraph ----------------------------------------------------


@pytest.mark.parametrize(
    ("file", "recompiling", "wrong_when_dropped"),
    [
        (BROKEN, {"image"}, {"image"}),
        (REPAIRED, set(), set()),
        (QWEN, {"image"}, {"image"}),
        (DEEPSTACK / "v0.py", set(), set()),
        (DEEPSTACK / "v1.py", {"image"}, {"image", "text_after_abort"}),
        (DEEPSTACK / "v2.py", {"image"}, {"image", "image_padded", "text_after_abort", "short_image"}),
        (DEEPSTACK / "v3.py", set(), set()),
        (DEEPSTACK / "reference.py", set(), set()),
    ],
    ids=["broken", "repaired", "qwen", "v0", "v1", "v2", "v3", "reference"],
)
def test_an_example_recompiles_and_goes_wrong_where_its_readme_says(
    load: Callable[[Path], ModuleType], file: Path, recompiling: set[str], wrong_when_dropped: set[str]
) -> None:
    case = load(file)

    eager, kept, dropped = run(case, compiled=False), run(case, compiled=True), run(case, compiled=True, drop=True)

    assert {name for name, (_, graphs) in kept.items() if graphs} == {"profile"} | recompiling
    assert {name for name, (out, _) in kept.items() if not same(out, eager[name][0])} == set()
    assert {name for name, (out, _) in dropped.items() if not same(out, eager[name][0])} == wrong_when_dropped


# --- what steadygraph says about them ----------------------------------------------------------------


def results(case: CaseReport) -> dict[tuple[str, str], str]:
    return {(s.name, o.policy): o.result for s in case.scenarios for o in s.outcomes}


def loud(case: CaseReport) -> set[tuple[str, str, str]]:
    return {(f.scenario, f.kind, f.severity) for f in case.findings if f.severity != "note"}


def exit_code(case: CaseReport) -> int:
    """Of an analysis of this case alone."""
    return RunReport((case,)).exit_code


def test_the_broken_store_loses_the_image_and_refuses_the_padded_step(demo: Demo) -> None:
    case = demo.case(BROKEN.name)

    outcomes = results(case)
    assert exit_code(case) == 1
    assert outcomes["text", "recompile"] == outcomes["text", "drop"] == "same"
    assert outcomes["image", "recompile"] == "recompiles"
    assert outcomes["image", "drop"] == "silent-wrong"
    assert outcomes["image_padded", "recompile"] == outcomes["image_padded", "drop"] == "raises"
    assert ("image", "input-structure", "error") in loud(case)
    assert {scenario for scenario, _, _ in loud(case)} == {"image", "image_padded"}


def test_the_broken_store_is_found_at_the_argument_and_at_the_line_that_looks_at_it(demo: Demo) -> None:
    looked_at = "if deepstack_input_embeds is not None"
    text = (EXAMPLES / "deepstack" / "deepstack_model.py").read_text(encoding="utf-8").splitlines()
    line = next(number for number, content in enumerate(text, 1) if looked_at in content)

    case = demo.case(BROKEN.name)

    finding = next(f for f in case.findings if f.kind == "input-structure" and f.scenario == "image")
    image = next(s for s in case.scenarios if s.name == "image")
    assert "deepstack_input_embeds" in finding.message
    assert (finding.location.path, finding.location.line) == ("examples/deepstack/deepstack_model.py", line)
    assert len(image.graph.missing_inputs) == 3


def test_nothing_is_found_in_the_repaired_store(demo: Demo) -> None:
    case = demo.case(REPAIRED.name)

    assert exit_code(case) == 0
    assert set(results(case).values()) == {"same"}
    assert loud(case) == set()


def test_qwen3_vl_loses_its_visual_features_and_text_is_clean(demo: Demo) -> None:
    case = demo.case(QWEN.name)

    outcomes = results(case)
    assert exit_code(case) == 1
    assert outcomes["text", "recompile"] == outcomes["text", "drop"] == "same"
    assert outcomes["image", "recompile"] == "recompiles"
    assert outcomes["image", "drop"] == "silent-wrong"
    assert ("image", "input-structure", "error") in loud(case)
    assert {scenario for scenario, _, _ in loud(case)} == {"image"}


def test_the_demo_fits_on_a_screen(demo: Demo) -> None:
    lines = demo.shown.splitlines()

    assert demo.exit_code == 1, demo.errors
    assert {"v1_broken.py", "v3_repaired.py", "qwen3_vl_text.py"} <= set(re.findall(r"\w+\.py", demo.shown))
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(r"^  image +recompiles \(1\) +silent-wrong \(\d\.\d\)$", id="what happens under which policy"),
        pytest.param(r"\[image\]: silently wrong under drop, off by \d\.\d$", id="how far off the result is"),
        pytest.param(r"`deepstack_input_embeds` is None at profile, IntermediateTensors", id="before and now"),
        pytest.param(r"deepstack_model\.py:\d+: if deepstack_input_embeds is not None", id="the line that looks at it"),
        pytest.param(r"the profile graph lacks 3 inputs and 3 x add$", id="what the graph lacks"),
        pytest.param(r"^    fix: Pass zeros \(ones where it multiplies\) in the profile call", id="what to do"),
        pytest.param(r"modeling_qwen3_vl\.py:\d+: if deepstack_visual_embeds is not None", id="the line of Qwen3-VL"),
    ],
)
def test_the_demo_answers(demo: Demo, answer: str) -> None:
    assert re.search(answer, demo.shown, re.MULTILINE), demo.shown
