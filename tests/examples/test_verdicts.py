"""What the analyzer must say about each state of the incidents, written down by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import pytest

from steadygraph.model import CaseReport, Finding, Severity

ReportOf = Callable[[Any], CaseReport]

RECOMPILES_OR_WRONG = ("recompiles", "silent-wrong", "silent-wrong", "silent-wrong")
#: The frame was compiled for an image before.
SAME_OR_WRONG = ("same", "silent-wrong", "silent-wrong", "silent-wrong")
#: Eager mode leaks: who does the same is wrong, and a graph that takes no features is right.
WRONG, WRONG_OR_SAME = ("silent-wrong",) * 4, ("silent-wrong", "same", "same", "same")
RAISES, NO_GRAPH = ("raises",) * 4, ("same", "same", "same", "refused")
STALE, LOST, MOVED = "error stale-state", "error serving-error", "warning buffer-realloc"
NONE, NONE_TOO, PADDED = "error input-structure", "warning input-structure", "error padded-vs-valid"
SYNC, DEVICES, DEVICES_SLOW = "warning host-sync", "error device-mismatch", "warning device-mismatch"
#: Steps that are short enough for the scratch.
ON_SCRATCH = ("capture_16", "capture_8", "decode", "full_decode")


@dataclass(frozen=True)
class Verdict:
    """Scenarios that are not the same under every policy, and scenarios with findings above notes."""

    outcomes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    findings: Mapping[str, set[str]] = field(default_factory=dict)


EXPECTED = {
    # Clean but for state that an aborted step leaves, and for micro-batches that lose their second half.
    "deepstack/v0.py": Verdict(
        {
            "text_after_abort": WRONG,
            "text_after_short_image": WRONG,
            "micro_batches": RAISES,
            "text_after_micro_batches": WRONG,
        },
        {
            "text_after_abort": {STALE},
            "text_after_short_image": {STALE},
            "micro_batches": {LOST},
            "text_after_micro_batches": {STALE},
        },
    ),
    # Silently wrong without guards; the padded step raises, and so does all that comes after it.
    "deepstack/v1.py": Verdict(
        {
            "image": RECOMPILES_OR_WRONG,
            "image_padded": RAISES,
            "text_after_padded": RAISES,
            "text_after_abort": WRONG_OR_SAME,
            "short_image": RAISES,
            "text_after_short_image": RAISES,
            "text_later": RAISES,
            "micro_batches": RAISES,
        },
        {
            "image": {NONE},
            "image_padded": {PADDED},
            "text_after_padded": {STALE},
            "text_after_abort": {NONE_TOO, STALE},
            "short_image": {PADDED},
            "text_after_short_image": {STALE},
            "text_later": {STALE},
            "micro_batches": {LOST, NONE_TOO},
        },
    ),
    # Silently wrong without guards.
    "deepstack/v2.py": Verdict(
        {
            "image": RECOMPILES_OR_WRONG,
            "image_padded": SAME_OR_WRONG,
            "text_after_abort": WRONG_OR_SAME,
            "short_image": SAME_OR_WRONG,
            "micro_batches": RAISES,
        },
        {
            "image": {NONE},
            "image_padded": {NONE},
            "text_after_abort": {NONE_TOO, STALE},
            "short_image": {NONE},
            "micro_batches": {LOST, NONE_TOO},
        },
    ),
    # State that an aborted step leaves, for good; memory that moves when it grows.
    "deepstack/v3.py": Verdict(
        {
            "text_after_abort": WRONG,
            "text_after_short_image": WRONG,
            "text_later": WRONG,
            "micro_batches": RAISES,
            "text_after_micro_batches": WRONG,
            "growth": NO_GRAPH,
        },
        {
            "text_after_abort": {STALE},
            "text_after_short_image": {STALE},
            "text_later": {STALE},
            "micro_batches": {LOST},
            "text_after_micro_batches": {STALE},
            "growth": {MOVED},
            "text_after_growth": {MOVED},
        },
    ),
    "deepstack/reference.py": Verdict({"growth": NO_GRAPH}),
    "evs/before.py": Verdict({"video": RAISES}, {"video": {DEVICES}}),
    "evs/after.py": Verdict(),
    "merging/bool_index.py": Verdict({}, {"image": {SYNC}, "image_padded": {SYNC}, "two_images": {SYNC}}),
    # No wait; surplus rows pass, and only the case itself notices.
    "merging/masked_scatter.py": Verdict({"surplus_rows": RAISES}, {"surplus_rows": {LOST}}),
    "merging/cpu_mask.py": Verdict(),
    "merging/reference.py": Verdict(),
    "moe_scratch/before.py": Verdict({name: RAISES for name in ON_SCRATCH}, {name: {DEVICES} for name in ON_SCRATCH}),
    "moe_scratch/before_reallocates.py": Verdict({}, {name: {DEVICES_SLOW} for name in ON_SCRATCH}),
    "moe_scratch/after.py": Verdict(),
}


def of(verdicts: ModuleType, name: str) -> Any:
    return next(state for state in verdicts.STATES if str(state) == name)


def not_the_same(report: CaseReport) -> dict[str, tuple[str, ...]]:
    """On a simulated device, what is predicted."""
    words = {s.name: tuple(str(o.predicted or o.result) for o in s.outcomes) for s in report.scenarios}
    return {name: each for name, each in words.items() if set(each) != {"same"}}


def loud(report: CaseReport) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in report.findings:
        if one.severity is not Severity.NOTE:
            found.setdefault(one.scenario, set()).add(f"{one.severity} {one.kind}")
    return found


def test_every_state_has_an_expectation(verdicts: ModuleType) -> None:
    assert [str(state) for state in verdicts.STATES] == list(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_analyzer_tells_the_states_apart(name: str, verdicts: ModuleType, report_of: ReportOf) -> None:
    state, wanted = of(verdicts, name), EXPECTED[name]

    report = report_of(state)

    policies = len(state.policies)
    assert not_the_same(report) == {scenario: words[:policies] for scenario, words in wanted.outcomes.items()}
    assert loud(report) == wanted.findings
    assert report.rule_problems == ()


def line_with(verdicts: ModuleType, path: str, text: str) -> tuple[str, int]:
    lines = (verdicts.EXAMPLES / path).read_text(encoding="utf-8").splitlines()
    (number,) = [number for number, line in enumerate(lines, 1) if text in line]
    return f"examples/{path}", number


def findings(report: CaseReport, scenario: str, kind: str) -> list[Finding]:
    return [one for one in report.findings if one.scenario == scenario and one.kind == kind]


@pytest.mark.parametrize(
    ("name", "scenario", "kind", "path", "text"),
    [
        pytest.param(
            "deepstack/v1.py",
            "image",
            "input-structure",
            "deepstack/deepstack_model.py",
            "if deepstack_input_embeds is not None",
            id="the branch that start-up burned in",
        ),
        pytest.param(
            "deepstack/v1.py",
            "image_padded",
            "padded-vs-valid",
            "deepstack/deepstack_stores.py",
            "raise ValueError(",
            id="the comparison of a padded length",
        ),
        pytest.param(
            "evs/before.py", "video", "device-mismatch", "evs/before.py", "text = torch.tensor(", id="what made the ids"
        ),
        pytest.param(
            "merging/bool_index.py",
            "image",
            "host-sync",
            "merging/bool_index.py",
            "inputs_embeds[on_the_device_of(",
            id="the index that waits",
        ),
        pytest.param(
            "moe_scratch/before.py",
            "decode",
            "device-mismatch",
            "moe_scratch/scratch_states.py",
            "assert hidden_states.device == self.device",
            id="the comparison that is never true",
        ),
        pytest.param(
            "moe_scratch/before_reallocates.py",
            "decode",
            "device-mismatch",
            "moe_scratch/scratch_states.py",
            "if self.rows.device != self.device",
            id="the comparison that is always true",
        ),
    ],
)
def test_a_finding_names_the_line(
    name: str, scenario: str, kind: str, path: str, text: str, verdicts: ModuleType, report_of: ReportOf
) -> None:
    wanted = line_with(verdicts, path, text)

    (finding,) = findings(report_of(of(verdicts, name)), scenario, kind)

    assert finding.location is not None
    assert (finding.location.path, finding.location.line) == wanted


def test_the_buffers_that_moved_are_named(verdicts: ModuleType, report_of: ReportOf) -> None:
    (finding,) = findings(report_of(of(verdicts, "deepstack/v3.py")), "growth", "buffer-realloc")

    assert finding.message == (
        "tensor `store.buffers[0]` and 2 more have moved since the profile call, and a captured graph goes on using "
        "their old addresses"
    )


def test_the_graph_of_start_up_lacks_what_the_features_need(verdicts: ModuleType, report_of: ReportOf) -> None:
    report = report_of(of(verdicts, "deepstack/v2.py"))

    image = next(scenario for scenario in report.scenarios if scenario.name == "image")

    assert len(image.graph.missing_inputs) == 3
    assert dict(image.graph.missing_ops) == {"add": 3}
