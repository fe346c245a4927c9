"""What is said of a wait for the device: where, how often, at profile or only in serving, accepted or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from steadygraph.model import PROFILE, Evidence, Finding, Location, Severity, Sync
from steadygraph.rule.judge import judge_all
from steadygraph_rules.graph.host_sync import HostSync

LINE = Location("model.py", 7, "merge", "x[mask] = rows")
MASK = Sync("assignment through a bool mask", LINE)
COPY = Sync("a copy to the device", replace(LINE, line=9, text="x = x.cuda()"))


def found(
    *syncs: Sync, profile: Sequence[Sync] = (), serving: Sequence[Sync] = (), scenario: str = "image"
) -> tuple[Finding, ...]:
    evidence = Evidence(scenario, (), (), (), syncs=syncs, profile_syncs=tuple(profile), serving_syncs=tuple(serving))
    return tuple(HostSync().check(evidence))


@pytest.mark.parametrize(
    ("sync", "profile", "message"),
    [
        (
            MASK,
            [],
            "assignment through a bool mask, which makes the host wait for the device: only in serving, 1 per call",
        ),
        (MASK, [MASK], "assignment through a bool mask, which makes the host wait for the device: 1 per call"),
        (
            replace(MASK, count=24),
            [MASK],
            "assignment through a bool mask, which makes the host wait for the device: 24 per call, "
            "1 per call at profile",
        ),
        (
            replace(COPY, confirmed=True),
            [],
            "a copy to the device, which makes the host wait for the device: only in serving, 1 per call; "
            "CUDA confirms it",
        ),
        (
            replace(COPY, confirmed=False),
            [COPY],
            "a copy to the device, which makes the host wait for the device: 1 per call; CUDA does not tell of it",
        ),
        (
            replace(COPY, certain=False),
            [],
            "a copy to the device, which may make the host wait for the device: only in serving, 1 per call",
        ),
    ],
)
def test_the_message_says_how_often_and_whether_the_profile_call_has_it(
    sync: Sync, profile: Sequence[Sync], message: str
) -> None:
    (finding,) = found(sync, profile=profile)

    assert finding.message == message


def test_what_both_runs_have_is_a_warning_in_both_and_what_the_profile_call_alone_has_is_a_note() -> None:
    both = found(MASK, profile=[MASK], serving=[MASK], scenario=PROFILE)
    alone = found(MASK, profile=[MASK], scenario=PROFILE)

    assert [(one.severity, one.message) for one in (*both, *alone)] == [
        (Severity.WARNING, "assignment through a bool mask, which makes the host wait for the device: 1 per call"),
        (
            Severity.NOTE,
            "assignment through a bool mask, which makes the host wait for the device: only in the profile call, "
            "1 per call",
        ),
    ]


def test_a_copy_that_the_driver_may_make_without_waiting_is_a_note() -> None:
    (finding,) = found(replace(COPY, certain=False))

    assert finding.severity is Severity.NOTE


def test_one_line_is_one_finding_inside_and_outside_of_regions() -> None:
    (finding,) = found(replace(MASK, count=2), replace(MASK, count=3, in_region=True))

    assert finding.serving == "5 per call"


def test_what_the_code_allows_is_a_finding_of_its_own_with_the_reason() -> None:
    loud, accepted = found(MASK, replace(MASK, allowed="once per request"))

    assert (loud.allowed, accepted.allowed) == (None, "once per request")
    assert loud.fingerprint != accepted.fingerprint


def test_a_line_that_moves_keeps_its_fingerprint() -> None:
    (before,), (after,) = found(MASK), found(replace(MASK, location=replace(LINE, line=70)))

    assert before.fingerprint == after.fingerprint


def test_what_only_serving_has_stands_before_what_the_profile_call_has_too() -> None:
    """In every scenario, although its own order would be another: `a copy` comes before `assignment`."""
    calls = {PROFILE: (COPY,), "text": (COPY,), "image": (COPY, MASK)}

    judged = judge_all(
        [
            Evidence(name, (), (), (), syncs=syncs, profile_syncs=(COPY,), serving_syncs=(COPY, MASK))
            for name, syncs in calls.items()
        ],
        [HostSync()],
    )

    assert [(one.scenario, one.location) for one in judged.findings] == [
        ("image", LINE),
        (PROFILE, COPY.location),
        ("text", COPY.location),
        ("image", COPY.location),
    ]


FIXES = {
    "indexing with a bool mask": "Gather with precomputed indices, or keep the mask on the CPU (torch >= 2.9).",
    "indexing with a tensor of the CPU": "Move the indices to the device once, before the calls.",
    "assignment through a bool mask": (
        "Use masked_scatter or torch.where, or keep the mask on the CPU (torch >= 2.9)."
    ),
    "assignment through indices of the CPU": "Move the indices to the device once, before the calls.",
    "assignment of a number through indices": (
        "Assign through a mask on the device, or use index_fill_, which takes the number."
    ),
    "torch.where with a 0-d tensor of the CPU": (
        "Make the tensor on the device, or move it there once, before the calls."
    ),
    "torch.where with a condition alone": (
        "Compute the size on the host, or use an operator whose result has a fixed size."
    ),
    ".tolist()": "Compute the list on the host before the tensor is moved to the device.",
    ".cpu()": "Copy without waiting into pinned memory, or keep a copy on the host.",
    "a copy to the host": "Copy into pinned memory with non_blocking=True, to be read in a later step, or keep a copy "
    "on the host.",
    "a copy to the device": (
        "Pin the memory (pin_memory=True) and copy with non_blocking=True, or keep the tensor on the device."
    ),
    "a copy to the device with non_blocking from memory that is not pinned": (
        "Copy from and into pinned memory (pin_memory=True)."
    ),
    "torch.tensor(..., device=)": (
        "Make it with torch.full, zeros or arange, or in pinned memory and copy it with non_blocking=True; "
        "make it once if it is always the same."
    ),
    "printing a tensor": "Print shapes and dtypes, or values of the host.",
    "torch.cuda.synchronize()": "Order work with events and streams, or allow it with a reason where the host has to "
    "wait.",
    "an operation that CUDA calls synchronizing": "Look for a value that is read, or for a copy, on this line.",
}


@pytest.mark.parametrize("operation", FIXES)
def test_the_fix_is_that_of_the_operation(operation: str) -> None:
    (finding,) = found(Sync(operation, LINE))

    assert finding.fix == FIXES[operation]
