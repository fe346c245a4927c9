"""What each rule says, whole: the fact, and what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from steadygraph.model import Ambient as AmbientState
from steadygraph.model import (
    Asks,
    Aspect,
    BreakReason,
    Condition,
    Consequence,
    Difference,
    Evidence,
    Failure,
    Finding,
    Graph,
    GraphBreak,
    Kind,
    Location,
    Observation,
    Outcome,
    Owner,
    Policy,
    Result,
    Subject,
    Term,
    ViolatedGuard,
)
from steadygraph.model import NoneNode as NoInputs

Make = Callable[..., ViolatedGuard]
Judge = Callable[..., tuple[Finding, ...]]

MODULE, OBJECT, GLOBAL, AMBIENT = Owner.MODULE, Owner.OBJECT, Owner.GLOBAL, Owner.AMBIENT
INT = {"guard_type": "EQUALS_MATCH", "expected_type": "int", "actual_type": "int"}
FLOAT = {"guard_type": "EQUALS_MATCH", "expected_type": "float", "actual_type": "float"}
BOOL = {"guard_type": "TRUE_MATCH", "expected_type": "bool", "actual_type": "bool"}
ON_THE_STACK = Condition(Asks.VALUE, Subject.STACK)
GLOBAL_NAME = Condition(Asks.VALUE, Subject.GLOBAL_NAME)


def relation(asks: Asks, *terms: Term, by_chance: bool = False) -> dict[str, object]:
    """A condition on symbols; its dimension is that of the first term."""
    condition = Condition(asks, terms=terms, by_chance=by_chance)
    return {"guard_type": "SHAPE_ENV", "condition": condition, "dim": terms[0].dim}


def of(guard: Make, rows: tuple[object, ...]) -> ViolatedGuard:
    *positional, more = rows
    return guard(*positional, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("violated", "kind", "message", "fix"),
    [
        pytest.param(
            ("deep", Aspect.NONE, "None", "IntermediateTensors with 3 tensors", {"guard_type": "NONE_MATCH"}),
            Kind.INPUT_STRUCTURE,
            "argument `deep` is None at profile, IntermediateTensors with 3 tensors at serving",
            "Pass zeros (ones where it multiplies) in the profile call and in every serving call that has none: same "
            "type, keys, shapes, dtypes and device.",
            id="SG101",
        ),
        pytest.param(
            ("mask", Aspect.NONE, "torch.bool[2, 6] on cpu", "None", {}),
            Kind.INPUT_STRUCTURE,
            "argument `mask` is torch.bool[2, 6] on cpu at profile, None at serving",
            "Pass a mask without effect in the profile call and in every serving call that has none: ones where it "
            "says what to keep, zeros where it is added or says what to hide or change.",
            id="SG101 reversed",
        ),
        pytest.param(
            ("cache.keys", Aspect.LENGTH, "0", "1", {"guard_type": "LENGTH_CHECK"}),
            Kind.INPUT_STRUCTURE,
            "argument `cache.keys` has length 0 at profile, 1 at serving",
            "Pass a cache of one fixed size in the profile call and in every serving call, with a mask that hides the "
            "rows which are not filled yet, or compile one module for calls with it and one for calls without.",
            id="SG102 length",
        ),
        pytest.param(
            ("d", Aspect.KEYS, "['a']", "['b']", {"guard_type": "DICT_KEYS_MATCH"}),
            Kind.INPUT_STRUCTURE,
            "argument `d` has the keys ['a'] at profile, ['b'] at serving",
            "Give `d` the same entries in the profile call and in every serving call: where there is nothing to pass, "
            "zeros if they are added, ones if they multiply or say what to keep.",
            id="SG102 keys",
        ),
        pytest.param(
            ("d", Aspect.KEYS, "key 'a'", "key 'b'", {"condition": Condition(Asks.KEY_AT)}),
            Kind.INPUT_STRUCTURE,
            "argument `d` has key 'a' at profile, key 'b' at serving",
            "Give `d` the same entries in the profile call and in every serving call: where there is nothing to pass, "
            "zeros if they are added, ones if they multiply or say what to keep.",
            id="SG102 one key",
        ),
        pytest.param(
            (
                "kw",
                Aspect.KEYS,
                "not ___dict_contains('mask', L['kw'])",
                "dict with 1 tensor",
                {"condition": Condition(Asks.LACKS_KEY, key="'mask'")},
            ),
            Kind.INPUT_STRUCTURE,
            "argument `kw` has no key 'mask' at profile and has it at serving",
            "Pass a mask without effect in the profile call and in every serving call that has none: ones where it "
            "says what to keep, zeros where it is added or says what to hide or change.",
            id="SG102 absent key",
        ),
        pytest.param(
            ("d", Aspect.KEYS, "not L['d']", "['a']", {"condition": Condition(Asks.EMPTY)}),
            Kind.INPUT_STRUCTURE,
            "argument `d` is empty at profile and has the keys ['a'] at serving",
            "Give `d` the same entries in the profile call and in every serving call: where there is nothing to pass, "
            "zeros if they are added, ones if they multiply or say what to keep.",
            id="SG102 empty",
        ),
        pytest.param(
            ("k", Aspect.VALUE, "3", "torch.float32[] on cpu", {"expected_type": "int", "actual_type": "Tensor"}),
            Kind.INPUT_STRUCTURE,
            "argument `k` is 3 at profile, torch.float32[] on cpu at serving",
            "Pass `k` with the same type in every call, converted before the compiled region.",
            id="SG102 number and tensor",
        ),
        pytest.param(
            ("x", Aspect.TYPE, "list", "tuple", {"expected_type": "list", "actual_type": "tuple"}),
            Kind.INPUT_STRUCTURE,
            "argument `x` is of type list at profile, tuple at serving",
            "Pass `x` with the same type in every call, converted before the compiled region.",
            id="SG102 type",
        ),
        pytest.param(
            ("d['x']", Aspect.PRESENCE, "Tensor", "nothing", {"guard_type": "PRESENCE"}),
            Kind.INPUT_STRUCTURE,
            "argument `d['x']` exists at profile only",
            "Pass zeros (ones where it multiplies) in the profile call and in every serving call that has none: same "
            "type, keys, shapes, dtypes and device.",
            id="SG102 presence",
        ),
        pytest.param(
            ("mode", Aspect.VALUE, "'sum'", "'mean'", {"expected_type": "str", "actual_type": "str"}),
            Kind.INPUT_STRUCTURE,
            "argument `mode` is 'sum' at profile, 'mean' at serving, and the graph does what the first one says",
            "Warm up with every value of `mode`, one compiled module for each, or pass a tensor and select with "
            "torch.where.",
            id="SG103",
        ),
        pytest.param(
            ("x", Aspect.OTHER, "some_condition(x)", "violated", {"guard_type": "WEAKREF_ALIVE"}),
            Kind.INPUT_STRUCTURE,
            "argument `x` violates a WEAKREF_ALIVE guard that held at profile: `some_condition(x)`",
            "Make `x` satisfy the guard in every call.",
            id="SG104",
        ),
        pytest.param(
            ("max_seqlen", Aspect.VALUE, "4", "7", INT),
            Kind.SPECIALIZATION_INT,
            "argument `max_seqlen` is 4 at profile, 7 at serving, and the graph computes with 4",
            "Pass `max_seqlen` as a 0-d tensor in place of the number; where it is a size, take it from the shape of "
            "a tensor that is marked dynamic.",
            id="SG201",
        ),
        pytest.param(
            ("self.cache.seen", Aspect.VALUE, "0", "4", {**INT, "owner": OBJECT}),
            Kind.SPECIALIZATION_INT,
            "attribute `self.cache.seen` is 0 at profile, 4 at serving, and the graph computes with 0",
            "Keep `self.cache.seen` in a 0-d tensor or a registered buffer in place of a Python int.",
            id="SG201 on an object",
        ),
        pytest.param(
            ("n", Aspect.SHAPE, "n <= 8", "n = 9", relation(Asks.NUMBER_RELATION, Term("n", "9"))),
            Kind.SPECIALIZATION_INT,
            "`n <= 8` held at profile and does not hold at serving",
            "Pass a tensor in place of the number and select with torch.where, or compile one module for each side of "
            "the condition.",
            id="SG201 condition",
        ),
        pytest.param(
            ("t", Aspect.VALUE, "1.0", "0.25", FLOAT),
            Kind.SPECIALIZATION_FLOAT,
            "argument `t` is 1.0 at profile, 0.25 at serving, and the graph computes with 1.0",
            "Pass `t` as a 0-d tensor in place of the number.",
            id="SG202",
        ),
        pytest.param(
            ("___stack1", Aspect.VALUE, "4.0", "8.0", {**FLOAT, "condition": ON_THE_STACK}),
            Kind.SPECIALIZATION_FLOAT,
            "a value from before the graph break is 4.0 at profile, 8.0 at serving, and the graph computes with 4.0",
            "Remove the graph break, or keep the value in a tensor: a number that one graph hands on is a constant.",
            id="SG202 after a break",
        ),
        pytest.param(
            ("self.scaling['default']", Aspect.VALUE, "1.0", "0.5", {**FLOAT, "owner": OBJECT}),
            Kind.SPECIALIZATION_FLOAT,
            "attribute `self.scaling['default']` is 1.0 at profile, 0.5 at serving, and the graph computes with 1.0",
            "Keep `self.scaling['default']` in a 0-d tensor or a registered buffer in place of a Python float.",
            id="SG202 in a dict",
        ),
        pytest.param(
            ("x.shape[0]", Aspect.SHAPE, "16", "6", {"dim": 0}),
            Kind.SPECIALIZATION_SHAPE,
            "dimension 0 of argument `x` is 16 at profile, 6 at serving, and the graph holds for 16 only",
            "Mark the dimension on the profile input: torch._dynamo.mark_dynamic(x, 0).",
            id="SG203",
        ),
        pytest.param(
            ("self.ws.shape[0]", Aspect.SHAPE, "8", "16", {"dim": 0, "owner": MODULE}),
            Kind.SPECIALIZATION_SHAPE,
            "dimension 0 of attribute `self.ws` is 8 at profile, 16 at serving, and the graph holds for 8 only",
            "Allocate `self.ws` once in the largest size and use a part of it, so that its shape never changes.",
            id="SG203 on a module",
        ),
        pytest.param(
            ("x.ndim", Aspect.RANK, "2", "3", {}),
            Kind.SPECIALIZATION_SHAPE,
            "argument `x` has rank 2 at profile, 3 at serving",
            "Give `x` the same number of dimensions in the profile call and in every serving call (unsqueeze, "
            "flatten), and mark those whose size changes as dynamic.",
            id="SG203 rank",
        ),
        pytest.param(
            (
                "x.shape[0]",
                Aspect.SHAPE,
                "2 <= x.shape[0] <= 16",
                "x.shape[0] = 24",
                relation(Asks.SIZE_RELATION, Term("x.shape[0]", "24", 0)),
            ),
            Kind.SPECIALIZATION_SHAPE,
            "`2 <= x.shape[0] <= 16` held at profile and does not hold at serving (x.shape[0] = 24)",
            "Write the code without the condition on sizes, or compile one module for each side of it and choose "
            "between them outside of the region.",
            id="SG203 condition",
        ),
        pytest.param(
            (
                "x.shape[0]",
                Aspect.SHAPE,
                "2 <= x.shape[0]",
                "x.shape[0] = 1",
                relation(Asks.SIZE_FROM_TWO, Term("x.shape[0]", "1", 0)),
            ),
            Kind.SPECIALIZATION_01,
            "dimension 0 of argument `x` is 1 at serving, and the graph of the profile call holds for sizes from 2 on",
            "Pad the dimension to a size of 2 or more, or, where no code branches on its size, mark it as unbacked on "
            "the profile input: torch._dynamo.decorators.mark_unbacked(x, 0).",
            id="SG204",
        ),
        pytest.param(
            ("x.shape[0]", Aspect.SHAPE, "1", "5", {"dim": 0}),
            Kind.SPECIALIZATION_01,
            "dimension 0 of argument `x` is 1 at profile, which makes it a constant, and 5 at serving",
            "Profile with a size of 2 or more in dimension 0 of `x`, or, where no code branches on its size, mark it: "
            "torch._dynamo.decorators.mark_unbacked(x, 0).",
            id="SG204 at profile",
        ),
        pytest.param(
            (
                "x.shape[1]",
                Aspect.SHAPE,
                "x.shape[1] == x.shape[0]",
                "x.shape[1] = 32, x.shape[0] = 16",
                relation(Asks.EQUAL_SIZES, Term("x.shape[1]", "32", 1), Term("x.shape[0]", "16", 0), by_chance=True),
            ),
            Kind.SPECIALIZATION_DUCK,
            "`x.shape[1] == x.shape[0]` held at profile by chance and does not hold at serving "
            "(x.shape[1] = 32, x.shape[0] = 16)",
            "Profile with sizes that differ from each other, so that Dynamo gives each of them a symbol of its own.",
            id="SG205",
        ),
        pytest.param(
            ("n.dtype", Aspect.DTYPE, "torch.int32", "torch.int64", {}),
            Kind.DTYPE,
            "argument `n` has dtype torch.int32 at profile, torch.int64 at serving",
            "Cast before the compiled region, n.to(torch.int32), or profile with torch.int64.",
            id="SG206",
        ),
        pytest.param(
            ("pos.stride[0]", Aspect.STRIDE, "8", "9", {"dim": 0}),
            Kind.STRIDE,
            "argument `pos` has stride 8 in dimension 0 at profile, 9 at serving",
            "Pass pos.contiguous() in every call, or pos.clone(memory_format=torch.contiguous_format) where a "
            "dimension has size 1.",
            id="SG207",
        ),
        pytest.param(
            ("a.requires_grad", Aspect.REQUIRES_GRAD, "False", "True", {}),
            Kind.REQUIRES_GRAD,
            "argument `a` has requires_grad=False at profile, requires_grad=True at serving",
            "Pass a.detach().",
            id="SG208",
        ),
        pytest.param(
            ("x", Aspect.SUBCLASS, "Tensor", "DTensor", {}),
            Kind.INPUT_STRUCTURE,
            "argument `x` is Tensor at profile, DTensor at serving",
            "Pass the same kind of tensor as `x` in every call: unwrap it, or clone() it outside of inference mode, "
            "before the region.",
            id="SG209",
        ),
        pytest.param(
            ("x.device", Aspect.DEVICE, "cuda:0", "cpu", {}),
            Kind.DEVICE_MISMATCH,
            "argument `x` is on cuda:0 at profile, on cpu at serving",
            "Move it before the compiled region: x.to('cuda').",
            id="SG210",
        ),
        pytest.param(
            ("self.no_lora", Aspect.VALUE, "True", "False", {**BOOL, "owner": MODULE}),
            Kind.MODULE_ATTRIBUTE,
            "attribute `self.no_lora` is True at profile, False at serving",
            "Keep `self.no_lora` in a buffer (register_buffer) and change it in place; where it decides, select with "
            "torch.where.",
            id="SG301",
        ),
        pytest.param(
            ("self.steps", Aspect.VALUE, "1", "2", {**INT, "owner": MODULE}),
            Kind.MODULE_ATTRIBUTE,
            "attribute `self.steps` is 1 at profile, 2 at serving",
            "Keep `self.steps` in a buffer (register_buffer) and change it in place; where it decides, select with "
            "torch.where.",
            id="SG301 counter",
        ),
        pytest.param(
            ("self.training", Aspect.VALUE, "False", "True", {**BOOL, "owner": MODULE}),
            Kind.MODULE_ATTRIBUTE,
            "attribute `self.training` is False at profile, True at serving",
            "Call model.eval() or model.train() before the profile call and leave the mode alone afterwards.",
            id="SG301 training",
        ),
        pytest.param(
            ("self.scale", Aspect.NONE, "None", "torch.float32[4] on cpu", {"owner": OBJECT}),
            Kind.MODULE_ATTRIBUTE,
            "attribute `self.scale` is None at profile, torch.float32[4] on cpu at serving",
            "Make `self.scale` in __init__ with what the first call needs in it (a registered buffer for tensors and "
            "numbers), and change it in place (copy_) where it changes at all.",
            id="SG301 None",
        ),
        pytest.param(
            (
                "self.act",
                Aspect.TYPE,
                "ReLU",
                "Tanh",
                {"owner": MODULE, "expected_type": "ReLU", "actual_type": "Tanh"},
            ),
            Kind.MODULE_ATTRIBUTE,
            "attribute `self.act` is of type ReLU at profile, Tanh at serving",
            "Set `self.act` before the profile call and leave it so, or compile one module for each value and choose "
            "between them outside of the region.",
            id="SG301 swapped",
        ),
        pytest.param(
            ("cache", Aspect.IDENTITY, "one particular Tensor", "another Tensor", {"expected_type": "Tensor"}),
            Kind.OBJECT_IDENTITY,
            "argument `cache` is another object at serving than at profile, and the graph is bound to the first one",
            "Use the same object for `cache` in every call and change it in place (copy_), or drop guard=True.",
            id="SG302",
        ),
        pytest.param(
            ("a", Aspect.ALIASING, "Duplicate tensor found", "violated", {"guard_type": "RELATIONAL"}),
            Kind.OBJECT_IDENTITY,
            "argument `a` shares memory with another input in one of the runs only",
            "Pass inputs that share memory in every call or in none: clone() one of them.",
            id="SG302 aliasing",
        ),
        pytest.param(
            ("ambient.grad_mode", Aspect.AMBIENT, "True", "False", {"owner": AMBIENT}),
            Kind.GLOBAL_STATE,
            "grad mode is True at profile, False at serving",
            "Enter torch.no_grad() around the profile call, as serving does.",
            id="SG303",
        ),
        pytest.param(
            ("x.is_inference()", Aspect.AMBIENT, "False", "True", {"owner": AMBIENT}),
            Kind.GLOBAL_STATE,
            "tensor `x` was made under inference mode at serving and not at profile",
            "Pass x.clone(), made outside of inference mode.",
            id="SG303 inference tensor",
        ),
        pytest.param(
            ("FLAG", Aspect.VALUE, "False", "True", {**BOOL, "owner": GLOBAL, "condition": GLOBAL_NAME}),
            Kind.GLOBAL_STATE,
            "global `FLAG` is False at profile, True at serving",
            "Set `FLAG` before the profile call and not after it, or pass what changes as a tensor.",
            id="SG303 a global",
        ),
    ],
)
def test_a_violated_guard_is_one_finding_that_says(
    guard: Make, judged: Judge, violated: tuple[object, ...], kind: Kind, message: str, fix: str
) -> None:
    found = judged(of(guard, violated))

    assert [(f.kind, f.message, f.fix, f.consequence) for f in found] == [
        (kind, message, fix, Consequence.SILENT_WRONG)
    ]


def test_a_member_of_an_enum_is_a_value_though_it_is_guarded_by_identity(guard: Make, judged: Judge) -> None:
    other = guard("mode", Aspect.IDENTITY, "one particular Mode", "another Mode", expected_type="Mode")

    found = judged(other, differences=(Difference("args[1]", Aspect.VALUE, "Mode.PREFILL", "Mode.DECODE"),))

    assert [(f.rule, f.message) for f in found] == [
        (
            "SG103",
            "argument `mode` is Mode.PREFILL at profile, Mode.DECODE at serving, and the graph does what the first one "
            "says",
        )
    ]


def observed(*breaks: GraphBreak, region: str = "", graphs: int = 2) -> Observation:
    graph = Graph("digest", (), (), Location("model.py", 5, "forward"))
    return Observation(region, "profile", NoInputs(), AmbientState(), graphs=(graph,) * graphs, breaks=breaks)


BRANCH = GraphBreak(
    BreakReason.DATA_DEPENDENT_BRANCH, "generic_jump", Location("model.py", 7, "forward", "if x.max() > 0:")
)


def test_a_graph_break_is_told_with_its_line_and_the_number_of_graphs(evidence: Callable[..., Evidence]) -> None:
    from steadygraph.rule.judge import judge
    from steadygraph_rules import RULES

    seen = evidence(serving=(observed(BRANCH, region="a"), observed(BRANCH, region="b")), outcomes=())

    found = judge(seen, RULES).findings

    assert [(f.rule, f.consequence, f.message, f.fix) for f in found] == [
        (
            "SG401",
            Consequence.SLOW,
            "data-dependent branch, which breaks the region into 2 graphs: `if x.max() > 0:` (in 2 regions)",
            "Write the branch as data (torch.where, torch.cond), or move it out of the region.",
        )
    ]


def test_an_operator_without_a_fake_implementation_is_named_with_what_to_register(judged: Judge) -> None:
    line = Location("model.py", 7, "forward", "x = torch.ops.mylib.rotate(x)")
    one = GraphBreak(BreakReason.NO_FAKE_IMPLEMENTATION, "mylib::rotate", line)

    (finding,) = judged(serving=(observed(one),), outcomes=())

    assert finding.message == (
        "operator without a fake implementation (mylib::rotate), which breaks the region into 2 graphs: "
        "`x = torch.ops.mylib.rotate(x)`"
    )
    assert finding.fix == 'Tell what its result looks like: @torch.library.register_fake("mylib::rotate").'


def test_a_call_that_compiled_nothing_has_the_breaks_of_the_profile_call(judged: Judge) -> None:
    found = judged(profile=(observed(BRANCH),), serving=(observed(),), outcomes=())

    assert [finding.path for finding in found] == ["data-dependent branch: forward: if x.max() > 0:"]


def test_a_call_that_compiled_something_has_its_own_breaks_only(judged: Judge) -> None:
    again = dataclasses.replace(observed(), recompiles=1)

    found = judged(profile=(observed(BRANCH),), serving=(again,), outcomes=())

    assert found == ()


def test_frames_that_dynamo_gave_up_on_one_within_the_other_are_one_finding(judged: Judge) -> None:
    frames = [
        GraphBreak(
            BreakReason.SKIPPED_FRAME, "an error was suppressed", Location("model.py", line, name, f"def {name}():")
        )
        for line, name in ((3, "wrapper"), (9, "decorated"), (20, "forward"))
    ]

    (found,) = judged(serving=(observed(*frames),), outcomes=())

    assert (found.message, found.location) == (
        "`forward` and 2 callers run eagerly: an error was suppressed",
        frames[-1].location,
    )


def test_a_recompile_limit_belongs_to_the_guards_that_were_violated(guard: Make, judged: Judge) -> None:
    limit = GraphBreak(BreakReason.RECOMPILE_LIMIT, "recompile_limit reached", None)

    with_guards = judged(guard("self.n", Aspect.VALUE, "1", "2", owner=MODULE), serving=(observed(limit),), outcomes=())
    without = judged(serving=(observed(limit, graphs=0),), outcomes=())

    assert [finding.rule for finding in with_guards] == ["SG301"]
    assert [finding.message for finding in without] == [
        "recompile limit reached, which breaks the region: recompile_limit reached"
    ]


def test_a_graph_break_without_a_line_shows_what_dynamo_says(judged: Judge) -> None:
    unknown = GraphBreak(BreakReason.UNSUPPORTED_CALL, "Call to print", None)

    found = judged(serving=(observed(unknown, graphs=1),), outcomes=())

    assert [f.message for f in found] == ["unsupported call, which breaks the region: Call to print"]


def test_an_error_in_eager_mode_is_told_with_its_text(judged: Judge) -> None:
    error = Failure("ValueError", "9 rows do not fit into 8", Location("model.py", 9, "forward", "raise ValueError()"))

    found = judged(eager_error=error, drop=Result.RAISES)

    assert [(f.rule, f.consequence, f.message, f.location) for f in found] == [
        (
            "SG601",
            Consequence.RAISES,
            "eager mode raises ValueError: 9 rows do not fit into 8, and the profile call did not",
            error.location,
        )
    ]


def test_a_wrong_result_under_kept_guards_is_a_missing_guard(judged: Judge) -> None:
    wrong = Outcome(Policy.RECOMPILE, "eager", Result.SILENT_WRONG, 0.25, 0)

    found = judged(outcomes=(wrong,))

    assert [(f.rule, f.kind, f.message) for f in found] == [
        (
            "SG304",
            Kind.MISSING_GUARD,
            "the compiled result differs from eager mode by up to 0.25, though every guard holds",
        )
    ]


def test_a_wrong_result_after_a_recompilation_is_a_missing_guard_too(guard: Make, judged: Judge) -> None:
    wrong = Outcome(Policy.RECOMPILE, "eager", Result.SILENT_WRONG, None, 1)

    found = judged(guard("n", Aspect.VALUE, "1", "2", **INT), outcomes=(wrong,))

    assert [(f.rule, f.message) for f in found if f.rule == "SG304"] == [
        ("SG304", "the compiled result differs from eager mode, though guards are kept")
    ]


def test_a_bad_outcome_that_nothing_explains_names_what_differs(judged: Judge) -> None:
    raises = Outcome(Policy.DROP, "inductor", Result.RAISES, error="RuntimeError: size mismatch")
    differences = tuple(Difference(f"args[{i}].shape[0]", Aspect.SHAPE, "4", "8") for i in range(4))

    found = judged(outcomes=(raises,), differences=differences)

    assert [(f.rule, f.consequence, f.message) for f in found] == [
        (
            "SG901",
            Consequence.RAISES,
            "under policy drop the call raises where eager mode does not (RuntimeError: size mismatch), and no "
            "violated guard explains it; what differs: `args[0].shape[0]`, `args[1].shape[0]` and 2 more",
        )
    ]
