from __future__ import annotations

from steadygraph.model import Evidence, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, place
from steadygraph_rules.tensors import tensor_path

_MODEL = """
import torch
from torch import nn

class Add(nn.Module):
    def forward(self, a, b):
        return a + b

def build():
    return Add()
"""

_FLIPPED = f"""{_MODEL}
def profile():
    return (torch.ones(4), torch.ones(4)), {{}}

def serving():
    weight = torch.ones(4, requires_grad=True)
    return {{
        "plain": ((torch.zeros(4), torch.ones(4)), {{}}),
        "parameter": ((weight, torch.ones(4)), {{}}),
    }}
"""

_DETACHED = _FLIPPED.replace("(weight,", "(weight.detach(),")

_ALWAYS = f"""{_MODEL}
def profile():
    return (torch.ones(4, requires_grad=True), torch.ones(4)), {{}}

def serving():
    weight = torch.zeros(4, requires_grad=True)
    return {{"parameter": ((weight, torch.ones(4)), {{}})}}
"""


class RequiresGradChange(GuardRule):
    """A tensor that requires a gradient in one run only.

    What it finds:
        A tensor, argument or held by a module, whose ``requires_grad`` at serving is not that of the profile call.

    Why it matters:
        Dynamo guards on ``requires_grad`` even where nobody computes gradients: an unnecessary compilation.  With
        guards dropped, the graph of the profile run tracks no gradients, or tracks them in vain.

    How to fix it:
        ``.detach()`` before the compiled region, or ``requires_grad_(False)`` on what is only served; what is computed
        with gradients is written into a cache or buffer under ``torch.no_grad()``.

    Known limits:
        Where grad mode itself changes, that is the finding (global-state), not the tensors.
    """

    code = "SG208"
    name = "requires-grad-change"
    kind = Kind.REQUIRES_GRAD
    cause = Cause.REQUIRES_GRAD
    one_defect = True
    flagged = (
        Example(
            "a parameter in place of a plain tensor",
            _FLIPPED,
            ("parameter",),
            fix="Pass a.detach().",
            fixed=(_DETACHED,),
        ),
    )
    passed = (Example("a gradient in every call", _ALWAYS),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        where = place(guard, tensor_path(guard.path))
        return f"{where} has requires_grad={guard.expected} at profile, requires_grad={guard.actual} at serving"

    def fix(self, guard: ViolatedGuard) -> str:
        tensor = tensor_path(guard.path)
        if guard.owner is not Owner.ARGUMENT and guard.actual == "True":
            # What is computed with gradients and written into a buffer makes it part of their history.
            return f"Leave {tensor}.requires_grad False in every call, and write into it under torch.no_grad()."
        if guard.owner is not Owner.ARGUMENT:
            return f"Set {tensor}.requires_grad_({guard.expected}) before the profile call and leave it so."
        if guard.actual == "True":
            return f"Pass {tensor}.detach()."
        return f"Profile with a tensor that requires no gradient: {tensor}.detach()."
