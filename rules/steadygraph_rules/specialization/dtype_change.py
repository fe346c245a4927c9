from __future__ import annotations

from steadygraph.model import Evidence, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, place
from steadygraph_rules.tensors import tensor_path

_MODEL = """
import torch
from torch import nn

class Kernel(nn.Module):
    def forward(self, positions):
        return positions * 2 + 1

def build():
    return Kernel()
"""

_PROMOTED = f"""{_MODEL}
def profile():
    return (torch.ones(4, dtype=torch.int32),), {{}}

def serving():
    positions = torch.ones(4, dtype=torch.int32)
    accepted = torch.ones(4, 2, dtype=torch.bool).sum(1)
    return {{
        "plain": ((torch.zeros(4, dtype=torch.int32),), {{}}),
        "promoted": ((positions + accepted,), {{}}),
    }}
"""

_CAST = _PROMOTED.replace("positions + accepted", "(positions + accepted).to(torch.int32)")

_PROFILED_WITH_INT64 = f"""{_MODEL}
def profile():
    return (torch.ones(4, dtype=torch.int64),), {{}}

def serving():
    accepted = torch.ones(4, 2, dtype=torch.bool).sum(1)
    positions = torch.ones(4, dtype=torch.int32)
    return {{"promoted": ((positions + accepted,), {{}})}}
"""


class DtypeChange(GuardRule):
    """A tensor of another dtype.

    What it finds:
        A tensor, argument or held by a module, whose dtype at serving is not that of the profile call.

    Why it matters:
        The kernels of the graph are made for one dtype.  With guards dropped, inductor reads elements of the wrong
        size; the eager back end hides that.  With guards kept, it is a compilation.

    How to fix it:
        Cast before the compiled region, ``x.to(torch.int32)``; look for an operation that promotes (int32 +
        bool.sum()).

    Known limits:
        All tensors whose dtype changes in a scenario are one finding.
    """

    code = "SG206"
    name = "dtype-change"
    kind = Kind.DTYPE
    cause = Cause.DTYPE
    one_defect = True
    flagged = (
        Example(
            "int32 promoted to int64",
            _PROMOTED,
            ("promoted",),
            fix="Cast before the compiled region, positions.to(torch.int32), or profile with torch.int64.",
            fixed=(_CAST,),
        ),
    )
    passed = (Example("promoted in both runs", _PROFILED_WITH_INT64),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        where = place(guard, tensor_path(guard.path))
        return f"{where} has dtype {guard.expected} at profile, {guard.actual} at serving"

    def fix(self, guard: ViolatedGuard) -> str:
        tensor = tensor_path(guard.path)
        if guard.owner is Owner.ARGUMENT:
            return f"Cast before the compiled region, {tensor}.to({guard.expected}), or profile with {guard.actual}."
        return f"Convert `{tensor}` before the profile call and not after it."
