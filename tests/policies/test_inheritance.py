"""Calls that are wrong because of an earlier one, and calls that are wrong by themselves after one."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from steadygraph import Case, analyze
from steadygraph.model import Policy, Result, Severity

ONES = torch.ones(3)


class Cached(nn.Module):
    """Writes to its cache if it is asked to; scales its result if it is asked to."""

    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(3))

    def forward(self, x, write=False, double=False):
        if write:
            self.cache.copy_(x)
        if double:
            x = x * 2
        return x + self.cache


def drop(build, profile, **scenarios):
    case = Case(
        build=build,
        profile=lambda: (profile, {}),
        serving=lambda: {name: (args, {}) for name, args in scenarios.items()},
    )
    report = analyze(case, policies=(Policy.DROP,))
    (found,) = [report.findings]
    return {name: report.outcome(name, Policy.DROP) for name in scenarios}, found


def test_a_call_that_reads_what_was_not_written_is_told_with_the_call_that_lost_it():
    outcomes, findings = drop(Cached, (ONES,), fill=(ONES, True), read=(ONES,))

    assert {name: outcome.result for name, outcome in outcomes.items()} == dict.fromkeys(outcomes, Result.SILENT_WRONG)
    assert outcomes["fill"].since is None
    assert outcomes["read"].since == "attribute `self.cache` is not as in eager mode since fill"
    (error, note) = findings
    assert (error.scenario, error.severity) == ("fill", Severity.ERROR)
    assert (note.rule, note.scenario, note.severity) == ("SG604", "read", Severity.NOTE)
    assert note.message == (
        "silently wrong under drop, and right by itself: attribute `self.cache` is not as in eager mode since fill, "
        "whose finding counts for both"
    )
    assert note.fix == "Mend the earlier call: this one goes on from what it left behind."


def test_a_call_that_is_wrong_by_itself_after_an_earlier_one_is_an_error_of_its_own():
    outcomes, findings = drop(Cached, (ONES,), fill=(ONES, True), doubled=(ONES, False, True))

    assert outcomes["doubled"].result is Result.SILENT_WRONG
    assert outcomes["doubled"].since is None
    assert {(finding.scenario, finding.severity) for finding in findings} == {
        ("fill", Severity.ERROR),
        ("doubled", Severity.ERROR),
    }


def test_a_call_in_which_everything_is_written_anew_is_right_again():
    outcomes, _ = drop(Cached, (ONES, True), skip=(2 * ONES, False), fill=(ONES, True), read=(ONES, True))

    assert outcomes["skip"].result is Result.SILENT_WRONG
    assert (outcomes["fill"].result, outcomes["read"].result) == (Result.SAME, Result.SAME)


def test_a_cache_that_is_handed_from_call_to_call_is_a_way_too():
    class Handed(nn.Module):
        def forward(self, x, cache, write=False):
            if write:
                cache.copy_(x)
            return x + cache

    cache = torch.zeros(3)

    def serving():
        cache.zero_()
        return {"fill": ((ONES, cache, True), {}), "read": ((ONES, cache), {})}

    case = Case(build=Handed, profile=lambda: ((ONES, torch.zeros(3)), {}), serving=serving)

    report = analyze(case, policies=(Policy.DROP,))

    read = report.outcome("read", Policy.DROP)
    assert (read.result, read.since) == (
        Result.SILENT_WRONG,
        "argument `cache` is not as in eager mode since fill",
    )
    assert [(f.scenario, f.severity) for f in report.findings if f.severity is not Severity.NOTE] == [
        ("fill", Severity.ERROR)
    ]


@pytest.mark.parametrize("policy", [Policy.SHAPES_ONLY, Policy.CUDA_GRAPH])
def test_other_policies_tell_it_as_well(policy):
    serving = {"fill": ((ONES, True), {}), "read": ((ONES,), {})}
    case = Case(build=Cached, profile=lambda: ((ONES,), {}), serving=lambda: serving)

    report = analyze(case, policies=(policy,))

    assert report.outcome("fill", policy).since is None
    assert report.outcome("read", policy).since == "attribute `self.cache` is not as in eager mode since fill"


def test_a_call_that_raises_because_of_an_earlier_one_is_no_error_of_its_own():
    class Strict(Cached):
        def forward(self, x, write=False):
            out = super().forward(x, write)
            return self.checked(out)

        @torch.compiler.disable
        def checked(self, out):
            if self.cache.sum() == 0 and not self.empty_is_fine:
                raise ValueError("the cache is empty")
            return out

        empty_is_fine = True

    def before(model, name):
        model.empty_is_fine = name != "read"

    serving = {"fill": ((ONES, True), {}), "read": ((ONES,), {})}
    case = Case(build=Strict, profile=lambda: ((ONES,), {}), serving=lambda: serving, before=before)

    report = analyze(case, policies=(Policy.DROP,))

    read = report.outcome("read", Policy.DROP)
    assert read.result is Result.RAISES
    assert read.since == "attribute `self.cache` is not as in eager mode since fill"
