"""Graph breaks: reasons recorded from torch 2.13, and breaks that really happen."""

import pytest
import torch
from torch import nn

from steadygraph.model import BreakReason
from steadygraph.observe.graphs.breaks import translate
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("generic_jump TensorVariable()", BreakReason.DATA_DEPENDENT_BRANCH),
        (
            "Data-dependent branching\n  Explanation: Detected data-dependent branching",
            BreakReason.DATA_DEPENDENT_BRANCH,
        ),
        ("Unsupported Tensor.item() call with capture_scalar_outputs=False", BreakReason.DATA_DEPENDENT_OPERATOR),
        ("Dynamic shape operator\n  Explanation: Operator `aten.nonzero` ...", BreakReason.DATA_DEPENDENT_OPERATOR),
        ("Skip calling `torch.compiler.disable()`d function", BreakReason.DISABLED_FUNCTION),
        (
            "Attempted to call function marked as skipped\n"
            "  Explanation: Dynamo does not know how to trace the builtin "
            "`<unknown module>.Tensor.masked_scatter.`",
            BreakReason.UNSUPPORTED_CALL,
        ),
        (
            "Operator does not support running with fake tensors\n  Explanation: \n"
            "  Developer debug context: unsupported operator: mylib.rotate.default",
            BreakReason.NO_FAKE_IMPLEMENTATION,
        ),
        ("Something nobody has seen before", BreakReason.OTHER),
    ],
)
def test_dynamos_words_are_translated(text, reason):
    assert translate(text) is reason


@torch.compiler.disable
def excluded(x):
    return x + 1


def breaks(forward, *args, **options):
    module = type("Module", (nn.Module,), {"forward": forward})()
    with own_dynamo_state():
        session = CompileSession([("", module)], options=options, backends={})
        with session.guards_kept(), session.calling():
            for name in ("profile", "again"):
                session.start(name)
                module(*args)
        session.close()
    return [observation.breaks for observation in session.observations]


def test_a_branch_on_data_is_told_with_its_line_and_again_when_nothing_is_compiled():
    def forward(self, x):
        if x.sum() > 0:  # the line
            return x + 1
        return x - 1

    profile, again = breaks(forward, torch.ones(3))

    assert [(b.reason, b.location.text) for b in profile] == [
        (BreakReason.DATA_DEPENDENT_BRANCH, "if x.sum() > 0:  # the line")
    ]
    assert again == profile


def test_an_item_is_a_data_dependent_operator():
    def forward(self, x):
        n = x.sum().item()
        return x * n

    assert [b.reason for b in breaks(forward, torch.ones(3))[0]] == [BreakReason.DATA_DEPENDENT_OPERATOR]


def test_a_break_before_the_first_operator_is_seen():
    def forward(self, x):
        y = excluded(x)
        return y * 2

    assert [b.reason for b in breaks(forward, torch.ones(3))[0]] == [BreakReason.DISABLED_FUNCTION]


def test_two_breaks_at_two_lines_are_two():
    def forward(self, x):
        x = excluded(x + 1)
        x = excluded(x * 2)
        return x

    assert len(breaks(forward, torch.ones(3))[0]) == 2


def test_a_frame_that_is_compiled_too_often_reaches_the_limit_whatever_torch_calls_that():
    def forward(self, x):
        self.steps = getattr(self, "steps", 0) + 1
        return x * self.steps

    profile, again = breaks(forward, torch.ones(3), recompile_limit=1)

    assert profile == ()
    assert [(b.reason, b.location.text) for b in again] == [(BreakReason.RECOMPILE_LIMIT, "def forward(self, x):")]


def test_a_model_in_one_graph_has_none():
    assert breaks(lambda self, x: x.relu() + 1, torch.ones(3)) == [(), ()]


@pytest.fixture
def operator():
    """An operator with a kernel and nothing else."""
    library = torch.library.Library("steadygraph_breaks", "FRAGMENT")
    library.define("rotated(Tensor x) -> Tensor")
    library.impl("rotated", lambda x: x.flip(0), "CPU")
    yield torch.ops.steadygraph_breaks.rotated
    library._destroy()


def test_an_operator_without_a_fake_implementation_is_named(operator):
    profile, _ = breaks(lambda self, x: operator(x) + 1, torch.ones(3))

    (found,) = profile
    assert (found.reason, found.detail) == (BreakReason.NO_FAKE_IMPLEMENTATION, "steadygraph_breaks::rotated")
