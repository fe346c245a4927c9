"""What rules say of code with several entries, of entries that other scenarios made, and of what no guard looks at."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from steadygraph.model import (
    PROFILE,
    Ambient,
    Asks,
    Aspect,
    BreakReason,
    Condition,
    Consequence,
    Difference,
    Evidence,
    Finding,
    Graph,
    GraphBreak,
    Location,
    NoneNode,
    Observation,
    Outcome,
    Owner,
    Policy,
    Result,
    Severity,
    SharedCode,
    Subject,
    ViolatedGuard,
)
from steadygraph.rule.judge import judge
from steadygraph_rules import RULES

Make = Callable[..., ViolatedGuard]
Judge = Callable[..., tuple[Finding, ...]]

CODE = Location("model.py", 3, "forward", "def forward(self, x):")
LIMIT = GraphBreak(BreakReason.RECOMPILE_LIMIT, "recompile_limit reached", CODE)
RAISES = Outcome(Policy.DROP, "eager", Result.RAISES, error="RuntimeError: size mismatch")
KEPT = Outcome(Policy.RECOMPILE, "eager", Result.SAME, 0.0, 0)
DROPPED = Outcome(Policy.DROP, "eager", Result.SAME, 0.0)


def observed(**more: object) -> Observation:
    return dataclasses.replace(Observation("", PROFILE, NoneNode(), Ambient()), **more)


def answered(*guards: ViolatedGuard) -> Observation:
    return observed(graphs=(Graph("digest", (), (), CODE),), violated_guards=guards)


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(one.rule, one.message, one.fix) for one in findings]


# --- what the caller gives ---------------------------------------------------------------------------------


def test_a_keyword_that_one_call_does_not_give_is_named(guard: Make, judged: Judge) -> None:
    given = guard(
        "bias",
        Aspect.PRESENCE,
        "not given",
        "torch.float32[4] on cpu",
        condition=Condition(Asks.GIVEN),
        owner=Owner.ARGUMENT,
    )

    (found,) = judged(given)

    assert found.message == "argument `bias` is not given at profile, torch.float32[4] on cpu at serving"


def test_the_order_of_keywords_is_told_by_the_first_that_moved(guard: Make, judged: Judge) -> None:
    (found,) = judged(guard("b", Aspect.KEYS, "2", "1", condition=Condition(Asks.ORDER)))

    assert (found.message, found.fix) == (
        "argument `b` is given as keyword 2 at profile, 1 at serving",
        "Give the keywords in the same order in every call.",
    )


# --- behind graph breaks -----------------------------------------------------------------------------------


def test_what_is_made_of_an_argument_before_a_graph_break_is_none_because_the_argument_is(
    guard: Make, judged: Judge
) -> None:
    mask = "torch.bool[2, 6] on cpu"
    given = guard("attention_mask", Aspect.NONE, "None", mask)
    made = guard("causal_mask", Aspect.NONE, "None", mask, frame="forward")

    (found,) = judged(made, given)

    assert (found.message, found.fix) == (
        "argument `attention_mask` is None at profile, torch.bool[2, 6] on cpu at serving; also `causal_mask`",
        "Pass a mask without effect in the profile call and in every serving call that has none: ones where it says "
        "what to keep, zeros where it is added or says what to hide or change.",
    )


def test_what_is_none_where_the_argument_is_not_is_a_defect_of_its_own(guard: Make, judged: Judge) -> None:
    given = guard("mask", Aspect.NONE, "None", "torch.bool[2, 6] on cpu")
    made = guard("bias", Aspect.NONE, "torch.float32[2, 6] on cpu", "None", frame="forward")

    found = judged(made, given)

    assert {finding.path for finding in found} == {"mask", "bias"}


def test_what_has_no_name_is_not_called_as_dynamo_calls_it(guard: Make, judged: Judge) -> None:
    argument = guard("x.shape[0]", Aspect.SHAPE, "4", "6", dim=0)
    nameless = Condition(Asks.SIZE, Subject.STACK)
    handed = guard("___stack0.shape[0]", Aspect.SHAPE, "4", "6", dim=0, frame="forward", condition=nameless)

    (found,) = judged(argument, handed)

    assert found.message == (
        "dimension 0 of argument `x` is 4 at profile, 6 at serving, and the graph holds for 4 only; also a value from "
        "before the graph break"
    )


# --- several entries ---------------------------------------------------------------------------------------


def test_code_with_two_entries_explains_what_its_first_graph_does_to_all(guard: Make, judged: Judge) -> None:
    factor = guard("factor", Aspect.NONE, "None", "3.0", frame="scaled")
    shared = SharedCode(dataclasses.replace(CODE, function="scaled"), 2, 1, (factor,))

    found = judged(profile=(observed(shared=(shared,)),), outcomes=(RAISES,))

    assert told(found) == [
        (
            "SG404",
            "`scaled` is compiled 2 times in the profile call (`factor` in `scaled`, behind a graph break, is None at "
            "first, 3.0 then), and under policy drop the first graph answers for all of them: the call raises "
            "RuntimeError: size mismatch",
            "Let Dynamo trace what calls `scaled`, without exclusion or graph break, or give it the same `factor` each "
            "time, a number as a tensor.",
        )
    ]


def test_entries_of_other_regions_answer_for_themselves(guard: Make, judged: Judge) -> None:
    others = SharedCode(CODE, 1, 1, (guard("x", Aspect.NONE, "None", "3.0"),))

    found = judged(profile=(observed(shared=(others,)),), outcomes=(RAISES,))

    assert [finding.rule for finding in found] == ["SG901"]


def keyed(guard: Make, number: int, aspect: Aspect = Aspect.VALUE) -> Observation:
    key = guard("self.key", aspect, "'0'", f"'{number}'", owner=Owner.OBJECT)
    return observed(shared=(SharedCode(CODE, 1, 1, (key,)),))


def test_a_key_with_another_value_in_each_layer_is_named_once(guard: Make, evidence: Callable[..., Evidence]) -> None:
    layers = tuple(keyed(guard, number) for number in range(1, 4))
    profile = dataclasses.replace(evidence(outcomes=(KEPT,), profile=layers, serving=layers), scenario=PROFILE)

    found = judge(profile, RULES).findings

    assert told(found) == [
        (
            "SG405",
            "the profile call compiles `forward` 4 times, once for each value of attribute `self.key` ('0', '1', ...)",
            "Keep `self.key` out of compiled code: look up in `__init__` what it stands for.",
        )
    ]


def test_the_key_that_reached_the_recompile_limit_is_named_in_place_of_the_limit(
    guard: Make, evidence: Callable[..., Evidence]
) -> None:
    layers = [keyed(guard, number) for number in range(1, 8)]
    layers[-1] = dataclasses.replace(layers[-1], breaks=(LIMIT,))
    profile = dataclasses.replace(
        evidence(outcomes=(KEPT,), profile=tuple(layers), serving=tuple(layers)), scenario=PROFILE
    )

    (found,) = judge(profile, RULES).findings

    assert found.rule == "SG405"
    assert found.pieces[-1] == "; that reaches the recompile limit, and what is left runs uncompiled"


@pytest.mark.parametrize("layers", [1, 3])
def test_two_kinds_of_layers_and_sizes_that_become_dynamic_are_no_key(
    guard: Make, evidence: Callable[..., Evidence], layers: int
) -> None:
    aspect = Aspect.VALUE if layers == 1 else Aspect.SHAPE
    seen = tuple(keyed(guard, number, aspect) for number in range(layers))
    profile = dataclasses.replace(evidence(outcomes=(KEPT,), profile=seen, serving=seen), scenario=PROFILE)

    assert judge(profile, RULES).findings == ()


# --- other scenarios ---------------------------------------------------------------------------------------


def test_what_an_earlier_scenario_compiled_would_be_a_recompilation_by_itself(guard: Make, judged: Judge) -> None:
    mask = guard("mask", Aspect.NONE, "None", "a tensor")

    (found,) = judged(mask, outcomes=(KEPT, DROPPED), serving=(answered(mask),))

    assert (found.severity, found.message) == (
        Severity.WARNING,
        "argument `mask` is None at profile, a tensor at serving; it would recompile if it came first: an earlier "
        "scenario has compiled what it needs",
    )


def test_what_runs_uncompiled_was_compiled_by_nobody(guard: Make, judged: Judge) -> None:
    mask = guard("mask", Aspect.NONE, "None", "a tensor")

    (found,) = judged(mask, outcomes=(KEPT, DROPPED), serving=(observed(violated_guards=(mask,)),))

    assert (found.consequence, found.message) == (
        Consequence.RECOMPILES,
        "argument `mask` is None at profile, a tensor at serving",
    )


def test_the_value_that_reached_the_recompile_limit_is_told_so(guard: Make, judged: Judge) -> None:
    step = guard("self.step", Aspect.VALUE, "1", "9", owner=Owner.MODULE)

    (found,) = judged(step, serving=(observed(breaks=(LIMIT,), violated_guards=(step,)),))

    assert "; that reaches the recompile limit, and `forward` runs uncompiled from here on" in found.pieces


# --- hooks -------------------------------------------------------------------------------------------------


def test_a_hook_that_no_guard_looks_at_is_named(judged: Judge) -> None:
    wrong = Outcome(Policy.RECOMPILE, "eager", Result.SILENT_WRONG, 0.25, 0)
    hooks = (
        Difference("self.first.forward_hooks", Aspect.AMBIENT, "none", "steer"),
        Difference("forward_pre_hooks", Aspect.AMBIENT, "trace", "none"),
    )

    (found,) = judged(outcomes=(wrong,), differences=hooks)

    assert found.message == (
        "the compiled result differs from eager mode by up to 0.25, though every guard holds; the forward hooks of "
        "`self.first` are none at profile, steer at serving; the forward pre hooks of all modules are trace at "
        "profile, none at serving"
    )


# --- graph breaks in decorators ----------------------------------------------------------------------------


def test_a_break_in_a_decorator_is_shown_at_the_line_of_the_model_that_leads_there(judged: Judge) -> None:
    inside = Location("decorators.py", 9, "wrapper", "with lock:")
    line = Location("model.py", 7, "forward", "return self.body(x)")
    one = GraphBreak(BreakReason.OTHER, "a lock", inside, from_model=line)

    (found,) = judged(serving=(observed(breaks=(one,)),), outcomes=())

    assert (found.message, found.location) == (
        "unsupported construct, which breaks the region: `with lock:` in `wrapper`",
        line,
    )
