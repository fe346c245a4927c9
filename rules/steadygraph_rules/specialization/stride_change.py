from __future__ import annotations

from steadygraph.model import Evidence, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, place, shortened
from steadygraph_rules.tensors import tensor_path

_MODEL = """
import torch
from torch import nn

class Scale(nn.Module):
    def forward(self, x):
        return x * 0.5

def build():
    return Scale()
"""

_TRANSPOSED = f"""{_MODEL}
def profile():
    return (torch.ones(4, 4),), {{}}

def serving():
    x = torch.ones(4, 4).t()
    return {{
        "same": ((torch.zeros(4, 4),), {{}}),
        "transposed": ((x,), {{}}),
    }}
"""

_CONTIGUOUS = _TRANSPOSED.replace("((x,)", "((x.contiguous(),)")

_COPIED = _TRANSPOSED.replace(".t()\n", ".t()\n    x = x.clone(memory_format=torch.contiguous_format)\n")

_ALWAYS_TRANSPOSED = f"""{_MODEL}
def profile():
    return (torch.ones(4, 4).t(),), {{}}

def serving():
    return {{"transposed": ((torch.zeros(4, 4).t(),), {{}})}}
"""


class StrideChange(GuardRule):
    """A tensor of the same sizes with other strides.

    What it finds:
        A tensor that lies in memory in another way than at profile: transposed, a slice of something wider,
        channels-last.

    Why it matters:
        Strides are constants in the graph and in its kernels.  With guards kept it is a compilation, also where the
        results cannot differ; with guards dropped, kernels may read the wrong elements.

    How to fix it:
        ``.contiguous()`` before the compiled region; ``.clone(memory_format=torch.contiguous_format)`` where a
        dimension of size 1 hides the odd stride and ``.contiguous()`` returns the tensor as it is.

    Known limits:
        Where sizes of the same tensor change as well, the finding is about the sizes only.
    """

    code = "SG207"
    name = "stride-change"
    kind = Kind.STRIDE
    cause = Cause.STRIDE
    one_defect = True
    flagged = (
        Example(
            "a transposed matrix",
            _TRANSPOSED,
            ("transposed",),
            fix="Pass x.contiguous() in every call, or x.clone(memory_format=torch.contiguous_format) where a "
            "dimension has size 1.",
            fixed=(_CONTIGUOUS, _COPIED),
        ),
    )
    passed = (Example("transposed in every call", _ALWAYS_TRANSPOSED),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        if guard.condition.is_relation:
            return f"`{shortened(guard.expected)}` held at profile and does not hold at serving ({guard.actual})"
        where = place(guard, tensor_path(guard.path))
        return f"{where} has stride {guard.expected} in dimension {guard.dim} at profile, {guard.actual} at serving"

    def fix(self, guard: ViolatedGuard) -> str:
        tensor = tensor_path(guard.path)
        if guard.owner is not Owner.ARGUMENT:
            return f"Make `{tensor}` contiguous before the profile call, and write into it in place (copy_) afterwards."
        copied = f"{tensor}.clone(memory_format=torch.contiguous_format)"
        return f"Pass {tensor}.contiguous() in every call, or {copied} where a dimension has size 1."
