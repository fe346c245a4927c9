"""One defect, one finding: what belongs together, and what follows from something else."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest

import steadygraph_rules.causes as causes_module
from steadygraph.model import (
    Asks,
    Aspect,
    Condition,
    Consequence,
    Difference,
    Evidence,
    Failure,
    Finding,
    Owner,
    Result,
    Subject,
    Term,
    ViolatedGuard,
)
from steadygraph.rule.judge import judge_all
from steadygraph_rules import RULES
from steadygraph_rules.causes import Cause, causes

Make = Callable[..., ViolatedGuard]
Judge = Callable[..., tuple[Finding, ...]]


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.rule for finding in findings]


# --- one defect --------------------------------------------------------------------------------------------


def test_sizes_that_change_together_are_one_finding(guard: Make, judged: Judge) -> None:
    sizes = [guard(f"x{i}.shape[0]", Aspect.SHAPE, "16", "6", dim=0) for i in range(9)]

    (found,) = judged(*sizes)

    assert found.message == (
        "dimension 0 of argument `x0` is 16 at profile, 6 at serving, and the graph holds for 16 only; "
        "also `x1.shape[0]`, `x2.shape[0]` and 6 more"
    )


def test_the_same_argument_in_twelve_regions_is_one_finding(guard: Make, judged: Judge) -> None:
    masks = [guard("mask", Aspect.NONE, "None", "a tensor", region=f"layers.{i}") for i in range(12)]

    (found,) = judged(*masks)

    assert found.message == "argument `mask` is None at profile, a tensor at serving (in 12 regions)"
    assert found.region == "layers.0"


def test_the_same_attribute_in_every_layer_is_one_finding(guard: Make, judged: Judge) -> None:
    steps = [
        guard(
            f"self.layers[{i}].step",
            Aspect.VALUE,
            "0",
            "1",
            owner=Owner.MODULE,
            expected_type="int",
            actual_type="int",
        )
        for i in range(3)
    ]

    (found,) = judged(*steps)

    assert found.message == (
        "attribute `self.layers[0].step` is 0 at profile, 1 at serving; "
        "also `self.layers[1].step` and `self.layers[2].step`"
    )


def test_train_mode_of_many_modules_is_one_finding_about_the_outermost(guard: Make, judged: Judge) -> None:
    paths = ("self.norm.training", "self.training", "self.blocks[0].drop.training")
    modes = [guard(path, Aspect.VALUE, "False", "True", owner=Owner.MODULE) for path in paths]

    (found,) = judged(*modes)

    assert found.path == "self.training"


def test_two_arguments_are_two_findings(guard: Make, judged: Judge) -> None:
    found = judged(guard("a", Aspect.NONE, "None", "a tensor"), guard("b", Aspect.NONE, "None", "a tensor"))

    assert [finding.path for finding in found] == ["a", "b"]


def test_grad_and_inference_mode_are_one_finding(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("ambient.grad_mode", Aspect.AMBIENT, "True", "False", owner=Owner.AMBIENT),
        guard("ambient.inference_mode", Aspect.AMBIENT, "False", "True", owner=Owner.AMBIENT),
        guard("x.is_inference()", Aspect.AMBIENT, "False", "True", owner=Owner.AMBIENT),
    )

    assert [(finding.rule, finding.path) for finding in found] == [("SG303", "ambient.inference_mode")]


def test_autocast_and_the_number_of_threads_are_two_findings(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("ambient.autocast_cpu", Aspect.AMBIENT, "False", "True", owner=Owner.AMBIENT),
        guard("ambient.autocast_cpu_dtype", Aspect.AMBIENT, "torch.bfloat16", "torch.float16", owner=Owner.AMBIENT),
        guard("ambient.num_threads", Aspect.AMBIENT, "4", "1", owner=Owner.AMBIENT),
    )

    assert [finding.path for finding in found] == ["ambient.autocast_cpu", "ambient.num_threads"]


# --- what follows from something else -----------------------------------------------------------------------


def test_below_an_argument_that_was_none_nothing_else_is_reported(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("deep", Aspect.NONE, "None", "dict with 1 tensor"),
        guard("deep", Aspect.TYPE, "NoneType", "dict"),
        guard("deep['d0'].shape[0]", Aspect.SHAPE, "4", "8", dim=0),
    )

    assert codes(found) == ["SG101"]


def test_strides_that_follow_from_sizes_are_not_reported(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("x.shape[1]", Aspect.SHAPE, "8", "16", dim=1), guard("x.stride[0]", Aspect.STRIDE, "8", "16", dim=0)
    )

    assert codes(found) == ["SG203"]


def test_strides_that_follow_from_a_relation_of_sizes_are_not_reported(guard: Make, judged: Judge) -> None:
    rows, columns = Term("x.shape[0]", "16", 0), Term("x.shape[1]", "32", 1)
    sizes = Condition(Asks.EQUAL_SIZES, terms=(columns, rows), by_chance=True)
    strides = Condition(Asks.STRIDE_RELATION, terms=(Term("x.stride[0]", "32", 0), rows))

    found = judged(
        guard(
            "x.shape[1]",
            Aspect.SHAPE,
            "x.shape[1] == x.shape[0]",
            "x.shape[1] = 32, x.shape[0] = 16",
            dim=1,
            condition=sizes,
        ),
        guard("x.stride[0]", Aspect.SHAPE, "x.stride[0] == x.shape[0]", "x.stride[0] = 32", condition=strides),
    )

    assert codes(found) == ["SG205"]


def test_strides_of_another_tensor_are_a_finding_of_their_own(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("x.shape[1]", Aspect.SHAPE, "8", "16", dim=1), guard("y.stride[0]", Aspect.STRIDE, "8", "16", dim=0)
    )

    assert codes(found) == ["SG203", "SG207"]


def test_where_the_rank_changes_sizes_are_not_reported(guard: Make, judged: Judge) -> None:
    (found,) = judged(
        guard("x.shape[0]", Aspect.SHAPE, "8", "3", dim=0),
        guard("x.ndim", Aspect.RANK, "2", "3"),
    )

    assert found.message == "argument `x` has rank 2 at profile, 3 at serving"


def test_requires_grad_follows_from_grad_mode(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("ambient.grad_mode", Aspect.AMBIENT, "True", "False", owner=Owner.AMBIENT),
        guard("self.weight.requires_grad", Aspect.REQUIRES_GRAD, "True", "False", owner=Owner.MODULE),
        guard("x", Aspect.OTHER, "check_tensor(...)", "another kind of tensor", condition=Condition(Asks.TENSOR)),
    )

    assert codes(found) == ["SG303"]


def test_train_mode_among_the_differences_explains_no_tensor(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("x", Aspect.OTHER, "check_tensor(...)", "another kind of tensor", condition=Condition(Asks.TENSOR)),
        differences=(Difference("self.training", Aspect.AMBIENT, "False", "True"),),
    )

    assert codes(found) == ["SG209"]


def test_a_guard_that_two_frames_made_is_one_finding_with_one_place(guard: Make, judged: Judge) -> None:
    twice = [guard("n", Aspect.VALUE, "1", "2", expected_type="int", actual_type="int", source=s) for s in ("a", "b")]

    (found,) = judged(*twice)

    assert found.message == "argument `n` is 1 at profile, 2 at serving, and the graph computes with 1"


# --- which rule --------------------------------------------------------------------------------------------


def test_a_static_size_that_becomes_one_is_a_baked_shape(guard: Make, judged: Judge) -> None:
    found = judged(guard("a.shape[1]", Aspect.SHAPE, "2", "1", dim=1))

    assert codes(found) == ["SG203"]


def test_a_one_among_static_sizes_is_a_baked_shape(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("x.shape[0]", Aspect.SHAPE, "1", "5", dim=0), guard("x.shape[1]", Aspect.SHAPE, "4", "6", dim=1)
    )

    assert codes(found) == ["SG203"]


def test_a_bound_that_is_no_zero_one_guard_is_a_baked_shape(guard: Make, judged: Judge) -> None:
    found = judged(
        guard(
            "x.shape[0]",
            Aspect.SHAPE,
            "9 <= x.shape[0]",
            "x.shape[0] = 1",
            condition=Condition(Asks.SIZE_RELATION, terms=(Term("x.shape[0]", "1", 0),)),
            dim=0,
        )
    )

    assert codes(found) == ["SG203"]


@pytest.mark.parametrize(
    ("held", "asks"),
    [("x.shape[0] == 2*y.shape[0]", Asks.SIZE_RELATION), ("x.shape[0] == y.shape[0]", Asks.EQUAL_SIZES)],
    ids=["in a fixed proportion", "equal because the code asks for it"],
)
def test_sizes_that_the_code_relates_are_no_duck_shape(guard: Make, judged: Judge, held: str, asks: Asks) -> None:
    terms = Term("x.shape[0]", "8", 0), Term("y.shape[0]", "5", 0)

    found = judged(
        guard(
            "x.shape[0]", Aspect.SHAPE, held, "x.shape[0] = 8, y.shape[0] = 5", condition=Condition(asks, terms=terms)
        )
    )

    assert codes(found) == ["SG203"]


def test_an_int_that_becomes_a_float_is_a_baked_float(guard: Make, judged: Judge) -> None:
    found = judged(guard("t", Aspect.TYPE, "int", "float", expected_type="int", actual_type="float"))

    assert codes(found) == ["SG202"]


def test_a_bool_is_no_int(guard: Make, judged: Judge) -> None:
    found = judged(guard("n", Aspect.VALUE, "True", "3", expected_type="bool", actual_type="int"))

    assert codes(found) == ["SG103"]


def test_a_number_in_place_of_a_tensor_is_another_structure(guard: Make, judged: Judge) -> None:
    found = judged(guard("t", Aspect.TYPE, "a tensor", "0.5", expected_type="Tensor", actual_type="float"))

    assert codes(found) == ["SG102"]


def test_a_number_on_a_global_object_is_baked_and_a_global_number_is_state(guard: Make, judged: Judge) -> None:
    numbers = {"owner": Owner.GLOBAL, "expected_type": "int", "actual_type": "int"}
    name = Condition(Asks.VALUE, Subject.GLOBAL_NAME)

    found = judged(
        guard("CONTEXT.tokens", Aspect.VALUE, "1", "2", **numbers),
        guard("STEP", Aspect.VALUE, "1", "2", condition=name, **numbers),
    )

    assert [(f.rule, f.path) for f in found] == [("SG201", "CONTEXT.tokens"), ("SG303", "STEP")]


def test_a_python_function_is_recognised_by_its_code(guard: Make, judged: Judge) -> None:
    (found,) = judged(
        guard("self.act.__code__", Aspect.PRESENCE, "code", "nothing", owner=Owner.MODULE, guard_type="PRESENCE")
    )

    assert found.message == "attribute `self.act` is another object at serving than at profile"


def test_start_and_stop_of_a_slice_are_one_finding(guard: Make, judged: Judge) -> None:
    ints = {"expected_type": "int", "actual_type": "int"}

    (found,) = judged(
        guard("rows.start", Aspect.VALUE, "0", "1", **ints), guard("rows.stop", Aspect.VALUE, "2", "3", **ints)
    )

    assert found.path == "rows.start"


def test_layer_two_is_named_before_layer_ten(guard: Make, judged: Judge) -> None:
    (found,) = judged(*(guard(f"masks[{i}]", Aspect.NONE, "None", "a tensor") for i in (10, 2)))

    assert found.message == "argument `masks[2]` is None at profile, a tensor at serving; also `masks[10]`"


def test_a_function_that_does_the_same_is_an_identity_and_one_that_does_not_an_attribute(
    guard: Make, judged: Judge
) -> None:
    function = {"owner": Owner.MODULE, "expected_type": "function", "actual_type": "function"}

    found = judged(
        guard("self.act", Aspect.IDENTITY, "one function", "another function", matters=True, **function),
        guard("self.hook", Aspect.IDENTITY, "one function", "another function", matters=False, **function),
    )

    assert [(f.rule, f.path) for f in found] == [("SG301", "self.act"), ("SG302", "self.hook")]


def test_differences_without_a_violated_guard_are_no_finding(judged: Judge) -> None:
    found = judged(
        differences=(Difference("args[0].shape[0]", Aspect.SHAPE, "16", "6"),), drop=Result.SAME, outcomes=()
    )

    assert found == ()


# --- once for all rules --------------------------------------------------------------------------------------


def test_the_guards_of_a_scenario_are_sorted_once_whatever_the_number_of_rules(
    guard: Make, evidence: Callable[..., Evidence], monkeypatch: pytest.MonkeyPatch
) -> None:
    sorted_ones: list[Evidence] = []
    sort = causes_module._sorted_by_cause
    monkeypatch.setattr(causes_module, "_sorted_by_cause", lambda seen: (sorted_ones.append(seen), sort(seen))[1])
    scenarios = [evidence(guard("x.shape[0]", Aspect.SHAPE, "16", str(size))) for size in (3, 5, 7)]

    judge_all(scenarios, RULES)

    assert sorted_ones == scenarios


def test_evidence_that_was_judged_is_not_kept(guard: Make, evidence: Callable[..., Evidence]) -> None:
    judged_one = evidence(guard("mode", Aspect.VALUE, "'a'", "'b'"))
    judge_all([judged_one], RULES)
    watched = weakref.ref(judged_one)

    del judged_one
    gc.collect()

    assert watched() is None


def test_evidence_is_not_taken_for_another_that_lay_in_its_place(
    guard: Make, evidence: Callable[..., Evidence]
) -> None:
    addresses = set()

    for number in range(50):
        seen = evidence(guard("mode", Aspect.VALUE, "0", str(number)))
        addresses.add(id(seen))
        (found,) = causes(seen)[Cause.VALUE]
        assert found.actual == str(number)
        del seen

    assert len(addresses) < 50


# --- how bad ------------------------------------------------------------------------------------------------


def consequences(findings: tuple[Finding, ...]) -> list[tuple[str, Consequence]]:
    return [(finding.rule, finding.consequence) for finding in findings]


def test_a_size_beside_a_new_branch_costs_a_recompile(guard: Make, judged: Judge) -> None:
    found = judged(guard("x.shape[0]", Aspect.SHAPE, "16", "6", dim=0), guard("deep", Aspect.NONE, "None", "a tensor"))

    assert consequences(found) == [("SG101", Consequence.SILENT_WRONG), ("SG203", Consequence.RECOMPILES)]


def test_a_size_alone_is_to_blame_for_a_wrong_result(guard: Make, judged: Judge) -> None:
    found = judged(guard("x.shape[0]", Aspect.SHAPE, "16", "6", dim=0))

    assert consequences(found) == [("SG203", Consequence.SILENT_WRONG)]


def test_a_guard_that_does_not_matter_costs_a_recompile_if_another_one_matters(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("n.dtype", Aspect.DTYPE, "torch.int32", "torch.int64", matters=False, region="a"),
        guard("mode", Aspect.VALUE, "'a'", "'b'", matters=True, region="b"),
    )

    assert consequences(found) == [("SG103", Consequence.SILENT_WRONG), ("SG206", Consequence.RECOMPILES)]


def test_a_wrong_result_has_a_culprit_even_if_no_guard_matters(guard: Make, judged: Judge) -> None:
    found = judged(guard("n.dtype", Aspect.DTYPE, "torch.int32", "torch.int64", matters=False))

    assert consequences(found) == [("SG206", Consequence.SILENT_WRONG)]


def test_a_violated_guard_is_a_warning_even_where_this_scenario_did_not_recompile(guard: Make, judged: Judge) -> None:
    found = judged(guard("n", Aspect.VALUE, "1", "2", matters=False), outcomes=())

    assert consequences(found) == [("SG103", Consequence.RECOMPILES)]


def test_an_error_of_eager_mode_is_not_blamed_on_a_guard(guard: Make, judged: Judge) -> None:
    found = judged(
        guard("ids", Aspect.NONE, "None", "list with 6 items"),
        eager_error=Failure("RuntimeError", "two devices"),
        drop=Result.RAISES,
    )

    assert consequences(found) == [("SG601", Consequence.RAISES), ("SG101", Consequence.RECOMPILES)]


@pytest.mark.parametrize("holder", ["", "Batch.", "make.<locals>."])
def test_a_member_of_an_enum_is_a_value_wherever_its_class_stands(guard: Make, judged: Judge, holder: str) -> None:
    members = f"{holder}Mode.DECODE", f"{holder}Mode.EXTEND"
    other = guard(
        "mode", Aspect.IDENTITY, "one particular Mode", "another Mode", expected_type="Mode", actual_type="Mode"
    )

    (found,) = judged(other, differences=(Difference("args[1]", Aspect.VALUE, *members),))

    assert (found.rule, found.message) == (
        "SG103",
        f"argument `mode` is {members[0]} at profile, {members[1]} at serving, and the graph does what the first one "
        "says",
    )
