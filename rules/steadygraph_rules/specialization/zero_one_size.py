from __future__ import annotations

from steadygraph.model import Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, place
from steadygraph_rules.tensors import tensor_path

_COUNT = """
import torch
from torch import nn

class Count(nn.Module):
    def forward(self, x):
        return (x > 0).sum(-1)

def build():
    return Count()
"""

_BATCH_OF_ONE = f"""{_COUNT}
def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)

def profile():
    return (torch.ones(8, 4),), {{}}

def serving():
    return {{
        "five": ((torch.ones(5, 4),), {{}}),
        "one": ((torch.ones(1, 4),), {{}}),
    }}
"""

_PROFILE_OF_ONE = f"""{_COUNT}
COMPILE = {{"dynamic": True}}

def profile():
    return (torch.ones(1, 4),), {{}}

def serving():
    return {{
        "one": ((torch.zeros(1, 4),), {{}}),
        "five": ((torch.ones(5, 4),), {{}}),
    }}
"""

_UNBACKED = _BATCH_OF_ONE.replace("_dynamo.mark_dynamic", "_dynamo.decorators.mark_unbacked")

_PADDED = f"""{_BATCH_OF_ONE.replace("torch.ones(1, 4)", "nn.functional.pad(torch.ones(1, 4), (0, 0, 0, 1))")}
def observe(model, out):
    return out[:1] if len(out) == 2 else out
"""

_UNBACKED_FROM_ONE = f"""{_PROFILE_OF_ONE}
def mark(args, kwargs):
    torch._dynamo.decorators.mark_unbacked(args[0], 0)
"""

_FROM_TWO_ON = f"""{_COUNT}
COMPILE = {{"dynamic": True}}

def profile():
    return (torch.ones(8, 4),), {{}}

def serving():
    return {{"two": ((torch.ones(2, 4),), {{}})}}
"""


class ZeroOneSize(GuardRule):
    """A dynamic size that is 0 or 1 in one of the runs.

    What it finds:
        A dynamic dimension whose size is 0 or 1 at serving and was larger at profile, and a dimension that was 0 or 1
        at profile and is larger at serving.

    Why it matters:
        To Dynamo 0 and 1 are constants, also in a dimension that is marked as dynamic: a batch of one, or an empty
        one, costs a compilation in the middle of serving.  Profiled with 1, the dimension is no dynamic one at all.

    How to fix it:
        ``torch._dynamo.decorators.mark_unbacked(x, dim)`` where the code does not branch on the size; else profile
        with 2 or more, and pad a batch of one.

    Known limits:
        Where other sizes of the call are constants too, the finding is baked-shape: any other size would fail as
        well.
    """

    code = "SG204"
    name = "zero-one-size"
    kind = Kind.SPECIALIZATION_01
    cause = Cause.ZERO_ONE
    one_defect = True
    flagged = (
        Example(
            "a batch of one in a dynamic dimension",
            _BATCH_OF_ONE,
            ("one",),
            fix="Pad the dimension to a size of 2 or more, or, where no code branches on its size, mark it as unbacked "
            "on the profile input: torch._dynamo.decorators.mark_unbacked(x, 0).",
            fixed=(_PADDED, _UNBACKED),
        ),
        Example(
            "profiled with a batch of one",
            _PROFILE_OF_ONE,
            ("five",),
            fix="Profile with a size of 2 or more in dimension 0 of `x`, or, where no code branches on its size, "
            "mark it: torch._dynamo.decorators.mark_unbacked(x, 0).",
            fixed=(_UNBACKED_FROM_ONE,),
        ),
    )
    passed = (Example("dynamic sizes from 2 on", _FROM_TWO_ON),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        where = f"dimension {guard.dim} of {place(guard, tensor_path(guard.path))}"
        if not guard.condition.is_relation:
            fact = f"{where} is {guard.expected} at profile"
            return fact, ", which makes it a constant", f", and {guard.actual} at serving"
        size = guard.condition.terms[0].value
        return f"{where} is {size} at serving", ", and the graph of the profile call holds for sizes from 2 on"

    def fix(self, guard: ViolatedGuard) -> str:
        tensor = tensor_path(guard.path)
        if not guard.condition.is_relation:
            return (
                f"Profile with a size of 2 or more in dimension {guard.dim} of `{tensor}`, or, where no code branches "
                f"on its size, mark it: torch._dynamo.decorators.mark_unbacked({tensor}, {guard.dim})."
            )
        return (
            "Pad the dimension to a size of 2 or more, or, where no code branches on its size, mark it as unbacked on "
            f"the profile input: torch._dynamo.decorators.mark_unbacked({tensor}, {guard.dim})."
        )
