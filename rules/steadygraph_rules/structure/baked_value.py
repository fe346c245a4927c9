from __future__ import annotations

import dataclasses

from steadygraph.model import Aspect, Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules import neutral
from steadygraph_rules.causes import Cause, enum_members
from steadygraph_rules.guard_rule import GuardRule, change

_FLAG = """
import torch
from torch import nn

class Head(nn.Module):
    def forward(self, x, return_probabilities=False):
        return x.softmax(-1) if return_probabilities else x * 2

def build():
    return Head()

def profile():
    return (torch.ones(4), False), {}

def serving():
    return {
        "logits": ((torch.zeros(4), False), {}),
        "probabilities": ((torch.ones(4), True), {}),
    }
"""

_MODE = """
import enum
import torch
from torch import nn

class Mode(enum.Enum):
    PREFILL = 1
    DECODE = 2

class Model(nn.Module):
    def forward(self, x, mode):
        return x * 2 if mode is Mode.PREFILL else x * 3

def build():
    return Model()

def profile():
    return (torch.ones(4), Mode.PREFILL), {}

def serving():
    return {"decode": ((torch.ones(4), Mode.DECODE), {})}
"""

_AS_TENSOR = """
import torch
from torch import nn

class Head(nn.Module):
    def forward(self, x, return_probabilities):
        return torch.where(return_probabilities, x.softmax(-1), x * 2)

def build():
    return Head()

def profile():
    return (torch.ones(4), torch.tensor(False)), {}

def serving():
    return {
        "logits": ((torch.zeros(4), torch.tensor(False)), {}),
        "probabilities": ((torch.ones(4), torch.tensor(True)), {}),
    }
"""

_APART = """
import enum
import torch
from torch import nn

class Mode(enum.Enum):
    PREFILL = 1
    DECODE = 2

class Prefill(nn.Module):
    def forward(self, x):
        return x * 2

class Decode(nn.Module):
    def forward(self, x):
        return x * 3

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.prefill = Prefill()
        self.decode = Decode()

    def forward(self, x, *modes):
        for mode in modes:
            stage = self.prefill if mode is Mode.PREFILL else self.decode
            out = stage(x)
        return out

def regions(model):
    return [model.prefill, model.decode]

def build():
    return Model()

def profile():
    return (torch.ones(4), Mode.PREFILL, Mode.DECODE), {}

def serving():
    return {"decode": ((torch.ones(4), Mode.DECODE), {})}
"""

_NOT_READ = """
import torch
from torch import nn

class Head(nn.Module):
    def forward(self, x, request=""):
        return x * 2

def build():
    return Head()

def profile():
    return (torch.ones(4), "warm-up"), {}

def serving():
    return {"step": ((torch.ones(4), "request 1"), {})}
"""


class BakedValue(GuardRule):
    """A flag, string, enum or other Python value among the arguments that changes.

    What it finds:
        An argument that is a bool, a string, a member of an enum, a dtype, a device or another Python value that is
        no number, and differs between profile and serving.

    Why it matters:
        The value decides while the graph is captured which branch there is.  With guards dropped, the graph goes on
        doing what the first value said; with guards kept, each new value is a compilation.

    How to fix it:
        Compile once per value and warm each of them up, or turn the decision into data: pass a tensor and select with
        ``torch.where``.

    Known limits:
        Ints and floats have rules of their own (baked-int, baked-float), attributes of modules too
        (module-attribute).
    """

    code = "SG103"
    name = "baked-value"
    kind = Kind.INPUT_STRUCTURE
    cause = Cause.VALUE
    flagged = (
        Example(
            "a flag that only serving sets",
            _FLAG,
            ("probabilities",),
            fix="Warm up with every value of `return_probabilities`, one compiled module for each, or pass a tensor "
            "and select with torch.where.",
            fixed=(_AS_TENSOR,),
        ),
        Example(
            "another member of an enum",
            _MODE,
            ("decode",),
            fix="Warm up with every value of `mode`, one compiled module for each, or pass a tensor and select with "
            "torch.where.",
            fixed=(_APART,),
        ),
    )
    passed = (Example("a name that no compiled code reads", _NOT_READ),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        return change(_as_value(guard, evidence)), ", and the graph does what the first one says"

    def fix(self, guard: ViolatedGuard) -> str:
        if neutral.is_held_by_a_cache(guard.path):
            return neutral.OF_A_CACHE
        return (
            f"Warm up with every value of `{guard.path}`, one compiled module for each, or pass a tensor and select "
            "with torch.where."
        )


def _as_value(guard: ViolatedGuard, evidence: Evidence) -> ViolatedGuard:
    members = enum_members(guard, evidence.differences) if guard.aspect is Aspect.IDENTITY else None
    if members is None:
        return guard
    return dataclasses.replace(guard, aspect=Aspect.VALUE, expected=members[0], actual=members[1])
