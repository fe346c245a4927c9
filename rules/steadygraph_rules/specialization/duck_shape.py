from __future__ import annotations

from steadygraph.model import Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, shortened

_NORM = """
import torch
from torch import nn

class Norm(nn.Module):
    def forward(self, image):
        height, width = image.shape
        return image.sum(1) / width + image.sum() / height

def build():
    return Norm()

COMPILE = {"dynamic": True}
"""

_SQUARE = f"""{_NORM}
def profile():
    return (torch.ones(16, 16),), {{}}

def serving():
    return {{
        "square": ((torch.ones(24, 24),), {{}}),
        "wide": ((torch.ones(16, 32),), {{}}),
    }}
"""

_OBLONG = _SQUARE.replace("return (torch.ones(16, 16),)", "return (torch.ones(16, 24),)")

_ALWAYS_SQUARE = f"""{_NORM}
def profile():
    return (torch.ones(16, 16),), {{}}

def serving():
    return {{"square": ((torch.ones(24, 24),), {{}})}}
"""


class DuckShape(GuardRule):
    """Two dynamic sizes that were equal at profile and are not at serving.

    What it finds:
        Two dynamic dimensions (or an int argument and a dimension) that share a symbol because their sizes were equal
        in the profile call, and differ at serving.

    Why it matters:
        Dynamo takes equal sizes for the same size (duck shaping).  With guards dropped, one is used in place of the
        other: a square image at warm-up, a wrong result for every other one.

    How to fix it:
        Profile with sizes that are all different, so that only what must be equal is equal.

    Known limits:
        Two sizes that must be equal for the code to work (an addition) look the same; there the call fails in eager
        mode too.
    """

    code = "SG205"
    name = "duck-shape"
    kind = Kind.SPECIALIZATION_DUCK
    cause = Cause.DUCK
    one_defect = True
    flagged = (
        Example(
            "a square image at profile",
            _SQUARE,
            ("wide",),
            fix="Profile with sizes that differ from each other, so that Dynamo gives each of them a symbol of its "
            "own.",
            fixed=(_OBLONG,),
        ),
    )
    passed = (Example("sizes that are equal in every call", _ALWAYS_SQUARE),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        now = f" ({guard.actual})" if guard.actual else ""
        return f"`{shortened(guard.expected)}` held at profile by chance and does not hold at serving{now}"

    def fix(self, guard: ViolatedGuard) -> str:
        return "Profile with sizes that differ from each other, so that Dynamo gives each of them a symbol of its own."
