from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Evidence, Finding, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules import replayed
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change, from_before_a_break

_SAMPLER = """
import torch
from torch import nn

class Sampler(nn.Module):
    def forward(self, logits, temperature):
        return (logits / temperature).softmax(-1)

def build():
    return Sampler()
"""

_ARGUMENT = f"""{_SAMPLER}
def profile():
    return (torch.arange(4.0), 1.0), {{}}

def serving():
    return {{
        "same": ((torch.arange(4.0), 1.0), {{}}),
        "cold": ((torch.arange(4.0), 0.25), {{}}),
    }}
"""

_IN_A_DICT = """
import torch
from torch import nn

class Lora(nn.Module):
    def __init__(self):
        super().__init__()
        self.scaling = {"default": 1.0}

    def forward(self, x):
        return x * self.scaling["default"]

def build():
    return Lora()

def before(model, name):
    model.scaling["default"] = 0.5 if name == "adapter" else 1.0

def profile():
    return (torch.ones(3),), {}

def serving():
    return {"adapter": ((torch.ones(3),), {})}
"""

_TENSOR = _ARGUMENT.replace(", 1.0)", ", torch.tensor(1.0))").replace(", 0.25)", ", torch.tensor(0.25))")

_TENSOR_IN_A_DICT = _IN_A_DICT.replace('"default": 1.0', '"default": torch.tensor(1.0)').replace(
    '0.5 if name == "adapter" else 1.0', 'torch.tensor(1 - (name == "adapter") / 2)'
)

_BUFFER = (
    _IN_A_DICT.replace('self.scaling = {"default": 1.0}', 'self.register_buffer("scale", torch.tensor(1.0))')
    .replace('self.scaling["default"]', "self.scale")
    .replace(
        'model.scaling["default"] = 0.5 if name == "adapter" else 1.0',
        'model.scale.fill_(0.5 if name == "adapter" else 1)',
    )
)

_SAME = f"""{_SAMPLER}
def profile():
    return (torch.arange(4.0), 0.7), {{}}

def serving():
    return {{"again": ((torch.ones(4), 0.7), {{}})}}
"""


class BakedFloat(GuardRule):
    """A float whose value at profile is a constant in the graph.

    What it finds:
        A float argument, or a float that a plain object, dict or list holds, with another value at serving.  Also a
        number that is an int in one run and a float in the other.

    Why it matters:
        Dynamo makes a float a constant.  With guards dropped, every call computes with the value of the profile run
        (temperature, scale, guidance); with guards kept, the next value costs a compilation.

    How to fix it:
        Pass a tensor in place of the number, and keep scales in 0-d tensors.

    Known limits:
        A float directly on an ``nn.Module`` belongs to module-attribute.
    """

    code = "SG202"
    name = "baked-float"
    kind = Kind.SPECIALIZATION_FLOAT
    cause = Cause.FLOAT
    flagged = (
        Example(
            "a float argument",
            _ARGUMENT,
            ("cold",),
            fix="Pass `temperature` as a 0-d tensor in place of the number.",
            fixed=(_TENSOR,),
        ),
        Example(
            "a float in a dict of the module",
            _IN_A_DICT,
            ("adapter",),
            fix="Keep `self.scaling['default']` in a 0-d tensor or a registered buffer in place of a Python float.",
            fixed=(_TENSOR_IN_A_DICT, _BUFFER),
        ),
    )
    passed = (Example("the same number in every call", _SAME),)

    def defect(self, guard: ViolatedGuard) -> object:
        return "graph break" if from_before_a_break(guard) else super().defect(guard)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        yield from super().check(evidence)
        yield from replayed.findings(self, evidence, replayed.FLOAT)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        try:
            float(guard.expected)
        except ValueError:
            return change(guard)
        return change(guard), f", and the graph computes with {guard.expected}"

    def fix(self, guard: ViolatedGuard) -> str:
        if from_before_a_break(guard):
            return (
                "Remove the graph break, or keep the value in a tensor: a number that one graph hands on is a constant."
            )
        if guard.owner is Owner.ARGUMENT:
            return f"Pass `{guard.path}` as a 0-d tensor in place of the number."
        return f"Keep `{guard.path}` in a 0-d tensor or a registered buffer in place of a Python float."
