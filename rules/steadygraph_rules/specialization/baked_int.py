from __future__ import annotations

import re
from collections.abc import Iterator

from steadygraph.model import Evidence, Finding, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules import neutral, replayed
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change, from_before_a_break, place, shortened

_LENGTH = """
import torch
from torch import nn

class Positions(nn.Module):
    def forward(self, x, {parameter}):
        {body}

def build():
    return Positions()
"""

_ARGUMENT = f"""{_LENGTH.format(parameter="max_seqlen", body="return x[0] + torch.arange(8) * max_seqlen")}
def profile():
    return (torch.ones(8), 4), {{}}

def serving():
    return {{
        "same": ((torch.zeros(8), 4), {{}}),
        "longer": ((torch.ones(8), 7), {{}}),
    }}
"""

_ON_AN_OBJECT = """
import torch
from torch import nn

class Cache:
    def __init__(self):
        self.seen = 0

class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.cache = Cache()

    def forward(self, x):
        return x + self.cache.seen

def build():
    return Layer()

def before(model, name):
    model.cache.seen = 0 if name == "profile" else 4

def profile():
    return (torch.ones(3),), {}

def serving():
    return {"step": ((torch.ones(3),), {})}
"""

_TENSOR = _ARGUMENT.replace(", 4)", ", torch.tensor(4))").replace(", 7)", ", torch.tensor(7))")

_ROWS = f"""{_LENGTH.format(parameter="n", body="return x[0] + torch.ones(n).cumsum(0)")}
def profile():
    return (torch.ones(8), 4), {{}}

def serving():
    return {{"longer": ((torch.ones(8), 7), {{}})}}
"""

_FROM_A_SHAPE = f"""{_LENGTH.format(parameter="rows", body="return x[0] + torch.ones(rows.shape[0]).cumsum(0)")}
def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[1], 0)

def profile():
    return (torch.ones(8), torch.zeros(4)), {{}}

def serving():
    return {{"longer": ((torch.ones(8), torch.zeros(7)), {{}})}}
"""

_TENSOR_ON_AN_OBJECT = _ON_AN_OBJECT.replace("seen = 0\n", "seen = torch.tensor(0)\n").replace(
    '0 if name == "profile" else 4', 'torch.tensor(0 if name == "profile" else 4)'
)

_BUFFER = (
    _ON_AN_OBJECT.replace("self.cache = Cache()", 'self.register_buffer("seen", torch.tensor(0))')
    .replace("self.cache.seen", "self.seen")
    .replace('model.cache.seen = 0 if name == "profile" else 4', 'model.seen.fill_(0 if name == "profile" else 4)')
)

_NOT_READ = f"""{_LENGTH.format(parameter="request", body="return x * 2")}
def profile():
    return (torch.ones(8), 0), {{}}

def serving():
    return {{"next": ((torch.ones(8), 1), {{}})}}
"""


class BakedInt(GuardRule):
    """An int whose value at profile is a constant in the graph.

    What it finds:
        An int argument, or an int that a plain object, dict or list holds, with another value at serving.

    Why it matters:
        Dynamo makes an int a constant.  With guards dropped, every call computes with the value of the profile run.
        With guards kept, an int argument costs a compilation or two until it becomes dynamic, an int on an object one
        for each value.

    How to fix it:
        Pass a tensor in place of the number (a 0-d tensor costs nothing), or compute it inside of the graph from
        sizes of tensors; where guards are kept, ``torch.compile(dynamic=True)`` makes int arguments symbolic from the
        start.

    Known limits:
        An int directly on an ``nn.Module`` belongs to module-attribute.  An int that no compiled code reads has no
        guard.
    """

    code = "SG201"
    name = "baked-int"
    kind = Kind.SPECIALIZATION_INT
    cause = Cause.INT
    flagged = (
        Example(
            "an int argument",
            _ARGUMENT,
            ("longer",),
            fix="Pass `max_seqlen` as a 0-d tensor in place of the number; where it is a size, take it from the shape "
            "of a tensor that is marked dynamic.",
            fixed=(_TENSOR,),
        ),
        Example(
            "an int argument that is a size",
            _ROWS,
            ("longer",),
            fix="Pass `n` as a 0-d tensor in place of the number; where it is a size, take it from the shape of a "
            "tensor that is marked dynamic.",
            fixed=(_FROM_A_SHAPE,),
        ),
        Example(
            "an int on a plain object",
            _ON_AN_OBJECT,
            ("step",),
            fix="Keep `self.cache.seen` in a 0-d tensor or a registered buffer in place of a Python int.",
            fixed=(_TENSOR_ON_AN_OBJECT, _BUFFER),
        ),
    )
    passed = (Example("a number that no compiled code reads", _NOT_READ),)

    def defect(self, guard: ViolatedGuard) -> object:
        if from_before_a_break(guard):
            return "graph break"
        return re.sub(r"\.(start|stop|step)$", "", str(super().defect(guard)))  # of a slice or a range

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        yield from super().check(evidence)
        yield from replayed.findings(self, evidence, replayed.INT)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        if guard.condition.is_relation:
            return f"`{shortened(guard.expected)}` held at profile and does not hold at serving"
        if guard.expected.lstrip("-").isdigit():
            return change(guard), f", and the graph computes with {guard.expected}"
        return change(guard)

    def fix(self, guard: ViolatedGuard) -> str:
        if guard.condition.is_relation:
            return (
                "Pass a tensor in place of the number and select with torch.where, or compile one module for each side "
                "of the condition."
            )
        if from_before_a_break(guard):
            return (
                "Remove the graph break, or keep the value in a tensor: a number that one graph hands on is a constant."
            )
        if guard.owner is Owner.ARGUMENT and neutral.is_held_by_a_cache(guard.path):
            return neutral.OF_A_CACHE
        if guard.owner is Owner.ARGUMENT:
            return (
                f"Pass `{guard.path}` as a 0-d tensor in place of the number; where it is a size, take it from the "
                "shape of a tensor that is marked dynamic."
            )
        return f"Keep {place(guard).partition(' ')[2]} in a 0-d tensor or a registered buffer in place of a Python int."
