from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Evidence, Finding, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.device.mismatch import blamed_for_error
from steadygraph_rules.guard_rule import GuardRule, place
from steadygraph_rules.tensors import tensor_path

_MODEL = """
import torch
from torch import nn

class Shape(nn.Module):
    def forward(self, x):
        return x * 2

def build():
    return Shape()

def observe(model, out):
    return out.shape
"""

_MOVED = f"""{_MODEL}
def profile():
    return (torch.ones(4),), {{}}

def serving():
    x = torch.ones(4, device="meta")
    return {{
        "here": ((torch.zeros(4),), {{}}),
        "elsewhere": ((x,), {{}}),
    }}
"""

_BACK = _MOVED.replace("((x,)", "((torch.ones_like(x, device='cpu'),)")  # a meta tensor has nothing to move

_STAYED = f"""{_MODEL}
def profile():
    return (torch.ones(4),), {{}}

def serving():
    return {{"here": ((torch.ones(4, device="cpu"),), {{}})}}
"""


class DeviceChange(GuardRule):
    """A tensor on another device.

    What it finds:
        A tensor, argument or held by a module, that is on another device at serving than in the profile call.

    Why it matters:
        The graph, its kernels and every tensor that it creates belong to the device of the profile run: mixed devices
        raise, or move data in every call.

    How to fix it:
        Move the tensor before the compiled region, and create tensors on the device of an input: ``device=x.device``.

    Known limits:
        Only tensors that the graph takes from outside have a guard; tensors that are created inside on the wrong
        device show as an error.
    """

    code = "SG210"
    name = "device-change"
    kind = Kind.DEVICE_MISMATCH
    cause = Cause.DEVICE
    one_defect = True
    flagged = (
        Example(
            "a tensor on another device",
            _MOVED,
            ("elsewhere",),
            fix="Move it before the compiled region: x.to('cpu').",
            fixed=(_BACK,),
        ),
    )
    passed = (Example("the same device, written out", _STAYED),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        # An operator that raises because of it says more, and is the same defect.
        if blamed_for_error(evidence) is None:
            yield from super().check(evidence)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        where = place(guard, tensor_path(guard.path))
        return f"{where} is on {guard.expected} at profile, on {guard.actual} at serving"

    def fix(self, guard: ViolatedGuard) -> str:
        tensor = tensor_path(guard.path)
        if guard.owner is Owner.ARGUMENT:
            return f"Move it before the compiled region: {tensor}.to({guard.expected.partition(':')[0]!r})."
        return f"Move `{tensor}` to its device before the profile call and not after it."
