from __future__ import annotations

from steadygraph.model import Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, place, shortened

_SAME = """
import torch
from torch import nn

class Model(nn.Module):
    def forward(self, x):
        return x * 2

def build():
    return Model()

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"again": ((torch.zeros(4),), {})}
"""


class UnclassifiedGuard(GuardRule):
    """A violated guard on an argument that no other rule knows.

    What it finds:
        A guard of the profile call on an argument that fails at serving and is about none of: None, type, length,
        keys, values, identity, or a property of a tensor.

    Why it matters:
        A violated guard is a compilation where guards are kept, and may be a wrong result where they are dropped,
        whatever it is about.

    How to fix it:
        Look at the guard in the message, and make the argument satisfy it in every call.

    Known limits:
        The message shows Dynamo's own condition.  If you meet this rule, steadygraph lacks a better one: please
        report it.
    """

    code = "SG104"
    name = "unclassified-guard"
    kind = Kind.INPUT_STRUCTURE
    cause = Cause.OTHER
    passed = (Example("other values of the same tensor", _SAME),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        fact = f"{place(guard)} violates a {guard.guard_type} guard that held at profile"
        return fact, f": `{shortened(guard.expected)}`"

    def fix(self, guard: ViolatedGuard) -> str:
        return f"Make `{guard.path}` satisfy the guard in every call."
