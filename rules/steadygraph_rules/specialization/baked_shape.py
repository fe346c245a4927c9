from __future__ import annotations

from collections.abc import Sequence

from steadygraph.model import Aspect, Evidence, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, from_before_a_break, place, shortened
from steadygraph_rules.tensors import tensor_path

_MARKS_NAMED = 4

_MEAN = """
import torch
from torch import nn

class Mean(nn.Module):
    def forward(self, x):
        return x.sum(0) / x.shape[0]

def build():
    return Mean()
"""

_STATIC = f"""{_MEAN}
def profile():
    return (torch.ones(16, 4),), {{}}

def serving():
    return {{
        "same": ((torch.zeros(16, 4),), {{}}),
        "six": ((torch.ones(6, 4),), {{}}),
    }}
"""

_RANK = """
import torch
from torch import nn

class Flat(nn.Module):
    def forward(self, x):
        return x.sum(0) if x.dim() == 1 else x.sum((0, 1))

def build():
    return Flat()

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"batched": ((torch.ones(3, 4),), {})}
"""

_BRANCH = """
import torch
from torch import nn

class Rope(nn.Module):
    def forward(self, x):
        return x * 2 if x.shape[0] <= 16 else x * 3

def build():
    return Rope()

def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)

def profile():
    return (torch.ones(8, 4),), {}

def serving():
    return {
        "short": ((torch.ones(12, 4),), {}),
        "long": ((torch.ones(24, 4),), {}),
    }
"""

_DYNAMIC = f"""{_STATIC}
def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)
"""

_SAME_RANK = (
    _RANK.replace("x.sum(0) if x.dim() == 1 else x.sum((0, 1))", "x.sum((0, 1))").replace(
        "torch.ones(4)", "torch.ones(8).unflatten(0, (2, 4))"
    )
    + """
def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)
"""
)

_NO_BRANCH = _BRANCH.replace(
    "x * 2 if x.shape[0] <= 16 else x * 3", "x * torch.where(torch.full((), x.shape[0]) <= 16, 2, 3)"
)

_OTHER_VALUES = f"""{_MEAN}
def profile():
    return (torch.ones(16, 4),), {{}}

def serving():
    return {{"same": ((torch.zeros(16, 4),), {{}})}}
"""

_EVERY_SIZE = "Write the code for every size of dimension {dim} of `{tensor}`, which is marked as dynamic."


class BakedShape(GuardRule):
    """A size or a rank that is a constant in the graph, or a condition on sizes that no longer holds.

    What it finds:
        A tensor with another size in a dimension that is not dynamic, a tensor of another rank, and a condition on
        dynamic sizes (a branch, a divisibility) that held at profile.  All of a scenario's sizes are one finding:
        they change together.

    Why it matters:
        Sizes are constants unless they are marked as dynamic.  With guards dropped, the graph goes on with the sizes
        of the profile run: wrong results with one back end, an error with another.  With guards kept, new sizes are
        compilations.

    How to fix it:
        ``torch._dynamo.mark_dynamic(x, dim)`` on the profile inputs, or ``torch.compile(dynamic=True)``; pad to the
        sizes that were warmed up; for a branch on a size, write it without the branch, or compile one module for each
        side.

    Known limits:
        Strides that are off as well are taken for a consequence of the sizes.  A size that is 0 or 1 although the
        dimension is dynamic belongs to zero-one-size, two sizes that were equal by chance to duck-shape.
    """

    code = "SG203"
    name = "baked-shape"
    kind = Kind.SPECIALIZATION_SHAPE
    cause = Cause.SHAPE
    one_defect = True
    flagged = (
        Example(
            "a static batch size",
            _STATIC,
            ("six",),
            fix="Mark the dimension on the profile input: torch._dynamo.mark_dynamic(x, 0).",
            fixed=(_DYNAMIC,),
        ),
        Example(
            "one more dimension",
            _RANK,
            ("batched",),
            fix="Give `x` the same number of dimensions in the profile call and in every serving call (unsqueeze, "
            "flatten), and mark those whose size changes as dynamic.",
            fixed=(_SAME_RANK,),
        ),
        Example(
            "a branch on a dynamic size",
            _BRANCH,
            ("long",),
            fix="Write the code without the condition on sizes, or compile one module for each side of it and choose "
            "between them outside of the region.",
            fixed=(_NO_BRANCH,),
        ),
    )
    passed = (Example("the same sizes", _OTHER_VALUES),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        if guard.aspect is Aspect.RANK:
            where = place(guard, tensor_path(guard.path))
            return f"{where} has rank {guard.expected} at profile, {guard.actual} at serving"
        if guard.condition.is_relation:
            held = shortened(guard.expected)
            now = f" ({guard.actual})" if guard.actual else ""
            return f"`{held}` held at profile and does not hold at serving{now}"
        return (
            f"dimension {guard.dim} of {place(guard, tensor_path(guard.path))} is {guard.expected} at profile, "
            f"{guard.actual} at serving",
            f", and the graph holds for {guard.expected} only",
        )

    def fix_of_all(self, guards: Sequence[ViolatedGuard], evidence: Evidence) -> str:
        """All dimensions that change are to be marked: where one of them is not, the call does not compile."""
        unmarked = [guard for guard in guards if not _is_marked(guard, evidence)]
        if guards[0] not in unmarked:
            return _EVERY_SIZE.format(tensor=tensor_path(guards[0].path), dim=guards[0].dim)
        first = self.fix(guards[0])
        marks = list(dict.fromkeys(_mark(guard) for guard in unmarked if _is_a_size_of_an_argument(guard)))
        if not _is_a_size_of_an_argument(guards[0]) or len(marks) < 2:
            return first
        named, left = marks[:_MARKS_NAMED], len(marks) - _MARKS_NAMED
        more = f", and {left} more" if left > 0 else ""
        return f"Mark the dimensions on the profile inputs: {', '.join(named)}{more}."

    def fix(self, guard: ViolatedGuard) -> str:
        tensor = tensor_path(guard.path)
        if guard.aspect is Aspect.RANK:
            return (
                f"Give `{tensor}` the same number of dimensions in the profile call and in every serving call "
                "(unsqueeze, flatten), and mark those whose size changes as dynamic."
            )
        if guard.condition.is_relation:
            return (
                "Write the code without the condition on sizes, or compile one module for each side of it and choose "
                "between them outside of the region."
            )
        if from_before_a_break(guard):
            return "Remove the graph break: the sizes of what one graph hands to the next one are constants."
        if guard.owner is not Owner.ARGUMENT:
            return (
                f"Allocate `{tensor}` once in the largest size and use a part of it, so that its shape never changes."
            )
        return f"Mark the dimension on the profile input: {_mark(guard)}."


def _is_marked(guard: ViolatedGuard, evidence: Evidence) -> bool:
    """Is it on a dimension whose mark the code breaks?"""
    broken = {(mark.path, mark.dim) for refusal in evidence.profile_refusals for mark in refusal.marks if mark.equal}
    return _is_a_size_of_an_argument(guard) and (tensor_path(guard.path), guard.dim) in broken


def _is_a_size_of_an_argument(guard: ViolatedGuard) -> bool:
    relation = guard.condition.is_relation or guard.aspect is Aspect.RANK
    return guard.owner is Owner.ARGUMENT and not relation and not from_before_a_break(guard)


def _mark(guard: ViolatedGuard) -> str:
    return f"torch._dynamo.mark_dynamic({tensor_path(guard.path)}, {guard.dim})"
