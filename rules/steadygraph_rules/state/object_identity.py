from __future__ import annotations

from steadygraph.model import Asks, Aspect, Evidence, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example, Message
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import FIX_OVERLAP, GuardRule, change, overlaps, place

_BLOCK = """
import torch
from torch import nn

class Block(nn.Module):
    def forward(self, x, cache):
        return x + cache

def build():
    return Block()

def cache(value, static):
    tensor = torch.full((3,), value)
    if static:
        torch._dynamo.mark_static_address(tensor, guard=True)
    return tensor
"""

_STATIC_ADDRESS = f"""{_BLOCK}
def profile():
    return (torch.ones(3), cache(1.0, True)), {{}}

def serving():
    return {{"layer1": ((torch.ones(3), cache(2.0, True)), {{}})}}
"""

_ONE_OBJECT = (
    _STATIC_ADDRESS.replace(
        "def profile",
        'CACHE = cache(1.0, True)\n\ndef before(model, name):\n    CACHE.fill_(1.0 if name == "profile" else '
        "2.0)\n\ndef profile",
    )
    .replace("cache(1.0, True)), {}", "CACHE), {}")
    .replace("cache(2.0, True)), {}", "CACHE), {}")
)

_NO_GUARD = _STATIC_ADDRESS.replace("tensor, guard=True", "tensor")

_PLAIN = f"""{_BLOCK}
def profile():
    return (torch.ones(3), cache(1.0, False)), {{}}

def serving():
    return {{"layer1": ((torch.ones(3), cache(2.0, False)), {{}})}}
"""


_TENSORS = {"Tensor", "torch.Tensor", "Parameter"}


class ObjectIdentity(GuardRule):
    """A guard on which object it is, and another object at serving.

    What it finds:
        A tensor marked with ``mark_static_address(guard=True)``, a function or another object that Dynamo recognises
        by its identity and that is a new one at serving, though nothing about it changed; inputs that share memory in
        one run only.

    Why it matters:
        With guards kept, each object is a compilation, up to the recompile limit: one for every layer or every
        request.  With guards dropped, the graph goes on using the object of the profile run.

    How to fix it:
        Create the object once and use it in every call; copy into the tensor that was there at profile; leave out
        ``guard=True``.

    Known limits:
        A function on a module that was replaced by one that does something else belongs to module-attribute.
    """

    code = "SG302"
    name = "object-identity"
    kind = Kind.OBJECT_IDENTITY
    cause = Cause.IDENTITY
    flagged = (
        Example(
            "a tensor with a static address",
            _STATIC_ADDRESS,
            ("layer1",),
            fix="Use the same object for `cache` in every call and change it in place (copy_), or drop guard=True.",
            fixed=(_ONE_OBJECT, _NO_GUARD),
        ),
    )
    passed = (Example("a plain tensor", _PLAIN),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        if guard.condition.asks is Asks.SAME_OBJECT:
            return change(guard), ", and the graph reads one of the two only"
        if guard.aspect is Aspect.ALIASING:
            what = place(guard) if guard.path else "an input"
            told = next(overlaps(evidence), None)
            if told is not None:
                return told
            return f"{what} shares memory with another input in one of the runs only"
        return change(guard), ", and the graph is bound to the first one"

    def fix(self, guard: ViolatedGuard) -> str:
        if guard.aspect is Aspect.ALIASING and guard.owner in (Owner.MODULE, Owner.OBJECT):
            return f"Tie or untie `{guard.path}` before the profile call, as it is in serving, and leave it so."
        if guard.aspect is Aspect.ALIASING:
            return FIX_OVERLAP
        if not _TENSORS & {guard.expected_type, guard.actual_type}:
            return f"Make the object of `{guard.path}` once, before the profile call, and use it in every call."
        return (
            f"Use the same object for `{guard.path}` in every call and change it in place (copy_), or drop guard=True."
        )
