from __future__ import annotations

from steadygraph.model import Aspect, Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change, place, shortened
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

_SUBCLASS = f"""{_MODEL}
def profile():
    return (torch.ones(4),), {{}}

def serving():
    wrapped = nn.Parameter(torch.ones(4), requires_grad=False)
    return {{
        "plain": ((torch.zeros(4),), {{}}),
        "parameter": ((wrapped,), {{}}),
    }}
"""

_UNWRAPPED = _SUBCLASS.replace("(wrapped,)", "(wrapped.data,)")

_ALWAYS = f"""{_MODEL}
def profile():
    return (nn.Parameter(torch.ones(4), requires_grad=False),), {{}}

def serving():
    wrapped = nn.Parameter(torch.zeros(4), requires_grad=False)
    return {{"parameter": ((wrapped,), {{}})}}
"""


class TensorTypeChange(GuardRule):
    """A tensor of another class or layout.

    What it finds:
        A tensor that is a subclass in one run only (a parameter, a quantised or distributed tensor), or sparse in one
        run only, or otherwise handled by other kernels.

    Why it matters:
        The graph is captured for one class of tensor: another one has other kernels, and its own rules for each
        operation.

    How to fix it:
        Pass the same kind of tensor in every call; unwrap (``.data``, ``.to_local()``, ``.to_dense()``) before the
        region.

    Known limits:
        dtype, device, strides and requires_grad have rules of their own.
    """

    code = "SG209"
    name = "tensor-type-change"
    kind = Kind.INPUT_STRUCTURE
    cause = Cause.TENSOR
    one_defect = True
    flagged = (
        Example(
            "a parameter in place of a tensor",
            _SUBCLASS,
            ("parameter",),
            fix="Pass the same kind of tensor as `x` in every call: unwrap it, or clone() it outside of inference "
            "mode, before the region.",
            fixed=(_UNWRAPPED,),
        ),
    )
    passed = (Example("a parameter in every call", _ALWAYS),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        where = place(guard, tensor_path(guard.path))
        if guard.aspect is Aspect.OTHER:
            return f"{where} is another kind of tensor at serving than at profile ({shortened(guard.expected)})"
        return change(guard)

    def fix(self, guard: ViolatedGuard) -> str:
        return (
            f"Pass the same kind of tensor as `{tensor_path(guard.path)}` in every call: unwrap it, or clone() it "
            "outside of inference mode, before the region."
        )
