from __future__ import annotations

from steadygraph.model import Aspect, Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change

_SUM = """
import torch
from torch import nn

class Sum(nn.Module):
    def forward(self, x, features):
        for feature in {entries}:
            x = x + feature
        return x

def build():
    return Sum()
"""

_LONGER_LIST = f"""{_SUM.format(entries="features")}
def profile():
    return (torch.ones(3), [torch.ones(3)]), {{}}

def serving():
    return {{
        "one": ((torch.ones(3), [torch.zeros(3)]), {{}}),
        "two": ((torch.ones(3), [torch.ones(3), torch.ones(3)]), {{}}),
    }}
"""

_OTHER_KEY = f"""{_SUM.format(entries="features.values()")}
def profile():
    return (torch.ones(3), {{"image": torch.ones(3)}}), {{}}

def serving():
    return {{"video": ((torch.ones(3), {{"video": torch.ones(3)}}), {{}})}}
"""

_SAME_KEYS = f"""{_SUM.format(entries="features.values()")}
def features(video):
    return {{"image": torch.zeros(3), "video": video}}

def profile():
    return (torch.ones(3), features(torch.zeros(3))), {{}}

def serving():
    return {{"video": ((torch.ones(3), features(torch.ones(3))), {{}})}}
"""


class ContainerChange(GuardRule):
    """An argument of another type, length or set of keys.

    What it finds:
        A list, tuple, dict or object among the arguments that has another type, another number of entries or other
        keys than at profile, a tensor in place of a number or the reverse, and an entry that exists in one run only.

    Why it matters:
        Loops over a container are unrolled while the graph is captured, and keys are looked up then.  With guards
        dropped, entries that are new are ignored.

    How to fix it:
        Give the container the same type, keys and length in every call, zero-filled where there is nothing, or stack
        the entries into one tensor.

    Known limits:
        Containers that no compiled code looks into have no guard and are not reported.  A path that is None in one
        run belongs to none-at-profile.
    """

    code = "SG102"
    name = "container-change"
    kind = Kind.INPUT_STRUCTURE
    cause = Cause.CONTAINER
    flagged = (
        Example("a list with one more entry", _LONGER_LIST, ("two",)),
        Example("a dict with another key", _OTHER_KEY, ("video",)),
    )
    passed = (Example("the same keys, zeros where there is nothing", _SAME_KEYS),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        return change(guard)

    def fix(self, guard: ViolatedGuard) -> str:
        if guard.aspect in (Aspect.TYPE, Aspect.VALUE):
            return f"Pass `{guard.path}` with the same type in every call, converted before the compiled region."
        if guard.aspect is Aspect.LENGTH:
            return f"Give `{guard.path}` the same number of entries in every call, zero-filled, or stack them into one."
        return f"Give `{guard.path}` the same keys in every call, zero-filled where there is nothing to pass."
