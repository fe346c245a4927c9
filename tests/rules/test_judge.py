"""Findings in order, one per defect, whatever a rule does."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from steadygraph.model import Consequence, Evidence, Finding, Kind, Result, RuleProblem
from steadygraph.rule import Rule
from steadygraph.rule.judge import RuleFailure, judge, judge_all, problems

Made = tuple[str, str, Consequence]


class Fixed(Rule):
    """Says what it was told to say."""

    kind = Kind.HOST_SYNC

    def __init__(self, code: str, *made: Made) -> None:
        self.code = code  # type: ignore[misc]
        self.name = code.lower()  # type: ignore[misc]
        self.made = made

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        for region, cause, consequence in self.made:
            yield self.finding(
                evidence, f"{cause} is slow", path=cause, consequence=consequence, fix="Do not.", region=region
            )


class LastResort(Fixed):
    """Speaks only where the others say nothing as bad."""

    fallback = True


class Broken(Fixed):
    """Raises."""

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        yield from super().check(evidence)
        raise KeyError("x")


SLOW, WRONG, NOTE = Consequence.SLOW, Consequence.SILENT_WRONG, Consequence.BENIGN


@pytest.fixture
def scenario(evidence: Callable[..., Evidence]) -> Evidence:
    return evidence(drop=Result.SAME)


def test_the_worst_comes_first_then_codes_then_paths(scenario: Evidence) -> None:
    rules = (Fixed("XX2", ("", "b", SLOW), ("", "a", SLOW), ("", "c", WRONG)), Fixed("XX1", ("", "z", SLOW)))

    found = judge(scenario, rules).findings

    assert [(f.rule, f.path) for f in found] == [("XX2", "c"), ("XX1", "z"), ("XX2", "a"), ("XX2", "b")]


def test_equal_defects_of_several_regions_are_one_finding(scenario: Evidence) -> None:
    rule = Fixed("XX1", *((f"layers.{i}", "self.mask", SLOW) for i in range(12)))

    (found,) = judge(scenario, (rule,)).findings

    assert (found.message, found.region) == ("self.mask is slow (in 12 regions)", "layers.0")


def test_paths_that_start_with_the_name_of_the_region_are_equal_defects(scenario: Evidence) -> None:
    rule = Fixed(
        "XX1",
        ("layers.0", "self.layers[0].mask", SLOW),
        ("layers.1", "layers.1.mask", SLOW),
        ("layers.2", "self.mask", WRONG),
    )

    (found,) = judge(scenario, (rule,)).findings

    assert (found.message, found.consequence) == ("self.mask is slow (in 3 regions)", WRONG)


def test_a_region_whose_name_is_part_of_a_word_is_left_in_the_path(scenario: Evidence) -> None:
    rule = Fixed("XX1", ("m", "mask", SLOW), ("n", "mask", SLOW), ("o", "ask", SLOW))

    found = judge(scenario, (rule,)).findings

    assert [(f.path, f.message) for f in found] == [("ask", "ask is slow"), ("mask", "mask is slow (in 2 regions)")]


def test_a_fallback_is_silent_where_another_rule_found_something_as_bad(scenario: Evidence) -> None:
    fallback = LastResort("AA1", ("", "a", WRONG), ("", "b", SLOW))

    quiet = judge(scenario, (fallback, Fixed("XX1", ("", "z", WRONG)))).findings
    loud = judge(scenario, (fallback, Fixed("XX1", ("", "z", SLOW)))).findings

    assert [f.path for f in quiet] == ["z"]
    assert [f.path for f in loud] == ["a", "z"]


def test_a_rule_that_raises_is_named_and_the_others_report(scenario: Evidence) -> None:
    found = judge(scenario, (Broken("XX1", ("", "a", SLOW)), Fixed("XX2", ("", "b", SLOW))))

    assert [f.rule for f in found.findings] == ["XX2"]
    assert found.failed == (RuleFailure("XX1", "image", "KeyError: 'x'"),)


@pytest.mark.parametrize(
    ("made", "error"),
    [
        (lambda: iter(["text"]), "TypeError: check() yielded str, not Finding"),
        (lambda: None, "TypeError: 'NoneType' object is not iterable"),
        (lambda: sys.exit(5), "SystemExit: 5"),
    ],
    ids=["text", "nothing", "exit"],
)
def test_a_rule_that_yields_something_else_or_leaves_has_failed(
    scenario: Evidence, made: Callable[[], Any], error: str
) -> None:
    rule = Fixed("XX1")
    rule.check = lambda evidence: made()  # type: ignore[method-assign]

    found = judge(scenario, (rule, Fixed("XX2", ("", "b", SLOW))))

    assert [f.rule for f in found.findings] == ["XX2"]
    assert found.failed == (RuleFailure("XX1", "image", error),)


def test_over_several_scenarios_the_worst_comes_first_too(scenario: Evidence) -> None:
    scenarios = [replace(scenario, scenario=name) for name in ("b", "a")]
    rules = (Fixed("XX1", ("", "x", SLOW)), Fixed("XX2", ("", "y", WRONG)))

    found = judge_all(scenarios, iter(rules)).findings

    assert [(f.scenario, f.rule) for f in found] == [("b", "XX2"), ("a", "XX2"), ("b", "XX1"), ("a", "XX1")]


def test_a_rule_that_fails_everywhere_is_one_problem(scenario: Evidence) -> None:
    scenarios = [replace(scenario, scenario=f"s{number}") for number in range(5)]

    failed = judge_all(scenarios, (Broken("XX1"),)).failed

    message = "rule XX1 failed on s0, s1, s2 and 2 more: KeyError: 'x'"
    assert problems(failed, selected=True) == (RuleProblem("XX1", message, selected=True),)


def test_the_places_of_all_regions_are_kept(scenario: Evidence) -> None:
    rule = Fixed("XX1", *((f"layers.{i}", f"layers.{i}.mask", SLOW) for i in range(3)))

    (found,) = judge(scenario, (rule,)).findings

    assert (found.path, found.also) == ("layers.0.mask", ("layers.1.mask", "layers.2.mask"))


def test_a_fingerprint_rests_on_rule_scenario_region_and_cause(scenario: Evidence) -> None:
    rules = (
        Fixed("XX1", ("a", "x", SLOW)),
        Fixed("XX2", ("a", "x", SLOW)),
        Fixed("XX3", ("a", "y", SLOW)),
        Fixed("XX4", ("b", "x", SLOW)),
    )

    first, second = judge(scenario, rules).findings, judge(scenario, rules).findings

    assert first == second
    assert len({f.fingerprint for f in first}) == 4


def test_ten_times_as_many_guards_take_about_ten_times_as_long(
    guard: Callable[..., object],
    judged: Callable[..., tuple[Finding, ...]],
    shortest: Callable[[Callable[[], object]], float],
) -> None:
    from steadygraph.model import Aspect, Owner

    guards = [
        guard(f"self.attribute{i}", Aspect.VALUE, "1", "2", owner=Owner.MODULE, expected_type="int")
        for i in range(1000)
    ]

    assert len(judged(*guards)) == 1000
    assert shortest(lambda: judged(*guards)) < 20 * shortest(lambda: judged(*guards[:100]))
