"""The example of efficient video sampling does what its README says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from steadygraph.model import CaseReport
from steadygraph.model.run import RunReport

FOLDER = Path(__file__).resolve().parent.parent.parent / "examples" / "evs"
SCENARIOS = ("profile", "text", "image", "video", "decode")

Analysed = Callable[[str], CaseReport]


@pytest.fixture
def on_the_cpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Imports a case, with the CPU as its device, and forgets it afterwards."""
    monkeypatch.syspath_prepend(FOLDER)

    def load(name: str) -> ModuleType:
        monkeypatch.setattr(importlib.import_module("evs_steps"), "DEVICE", "cpu")
        return importlib.import_module(name)

    yield load
    for name in ("before", "after", "evs_steps", "evs_model"):
        sys.modules.pop(name, None)


def logits(case: ModuleType, **compiling: Any) -> dict[str, Any]:
    """Of every call, on one model."""
    import torch

    torch.compiler.reset()
    model = case.build()
    if compiling:
        case.regions(model)[0].compile(**compiling)
    with case.context("all"):
        return {name: model(*args, **kwargs) for name, (args, kwargs) in calls(case).items()}


def calls(case: ModuleType) -> dict[str, Any]:
    return {"profile": case.profile(), **case.serving()}


@pytest.fixture
def analysed(verdicts: ModuleType, report_of: Callable[[Any], CaseReport]) -> Analysed:
    """``analysed("before")``: what is said of the case that is a file of this name."""
    states = {state.name: state for state in verdicts.STATES if state.folder == "evs"}
    return lambda name: report_of(states[name])


def results(case: CaseReport) -> dict[str, set[str]]:
    """Of each scenario what happens, or on a simulated device is predicted to happen, under any policy."""
    return {s.name: {o.predicted or o.result for o in s.outcomes} for s in case.scenarios}


def test_one_graph_serves_all_calls_with_guards_kept_or_dropped(on_the_cpu: Callable[[str], ModuleType]) -> None:
    import torch
    from torch._dynamo.testing import CompileCounter

    case, counter = on_the_cpu("after"), CompileCounter()
    eager = logits(case)

    kept = logits(case, backend=counter)
    dropped = logits(case, backend="eager", options={"guard_filter_fn": torch.compiler.skip_all_guards_unsafe})

    assert tuple(eager) == SCENARIOS
    assert counter.frame_count == 1
    for name in SCENARIOS:
        torch.testing.assert_close(kept[name], eager[name])
        torch.testing.assert_close(dropped[name], eager[name])


def test_on_one_device_both_states_say_the_same(on_the_cpu: Callable[[str], ModuleType]) -> None:
    import torch

    before, after = logits(on_the_cpu("before")), logits(on_the_cpu("after"))

    assert [name for name in SCENARIOS if not torch.equal(before[name], after[name])] == []


def test_a_prompt_may_be_cut_into_prefill_chunks_anywhere(on_the_cpu: Callable[[str], ModuleType]) -> None:
    import torch

    model, steps = on_the_cpu("after").build(), importlib.import_module("evs_steps")
    length = len(steps.VIDEO_IDS)

    def prefill(*cuts: int) -> torch.Tensor:
        chunks = [steps.video_step(start, stop)[0] for start, stop in pairwise((0, *cuts, length))]
        with torch.no_grad():
            return torch.cat([model(*chunk) for chunk in chunks])

    whole, cut = prefill(), [prefill(at) for at in range(1, length)]

    assert length == 41
    for logits_of_chunks in cut:
        torch.testing.assert_close(logits_of_chunks, whole)


def test_the_video_before_the_repair_is_a_device_mismatch_at_the_line_that_made_the_ids(analysed: Analysed) -> None:
    text = (FOLDER / "before.py").read_text(encoding="utf-8").splitlines()
    line = next(number for number, content in enumerate(text, 1) if "text = torch.tensor(" in content)

    case = analysed("before")

    (finding,) = case.findings
    assert RunReport((case,)).exit_code == 1
    assert (finding.kind, finding.severity, finding.scenario) == ("device-mismatch", "error", "video")
    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == ("examples/evs/before.py", line)
    assert results(case) == {name: {"raises" if name == "video" else "same"} for name in SCENARIOS}


def test_nothing_is_found_after_the_repair(analysed: Analysed) -> None:
    case = analysed("after")

    assert RunReport((case,)).exit_code == 0
    assert case.findings == ()
    assert results(case) == {name: {"same"} for name in SCENARIOS}
