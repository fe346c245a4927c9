from __future__ import annotations

from steadygraph.model import Asks, Aspect, Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules import neutral
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change

_FEATURES = (
    "Give `features` the same entries in the profile call and in every serving call: where there is nothing to pass, "
    "zeros if they are added, ones if they multiply or say what to keep."
)

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
    features = {{"image": torch.ones(3)}}
    return (torch.ones(3), features), {{}}

def serving():
    features = {{"video": torch.ones(3)}}
    return {{"video": ((torch.ones(3), features), {{}})}}
"""

_AS_LONG = _LONGER_LIST.replace("[torch.ones(3)]", "[torch.ones(3), torch.zeros(3)]").replace(
    "[torch.zeros(3)]", "[torch.zeros(3), torch.zeros(3)]"
)

_SAME_KEYS = _OTHER_KEY.replace(
    '{"image": torch.ones(3)}', '{"image": torch.ones(3), "video": torch.zeros(3)}'
).replace('{"video": torch.ones(3)}', '{"image": torch.zeros(3), "video": torch.ones(3)}')

_NOT_READ = f"""{_SUM.format(entries="[features['image']]")}
def profile():
    return (torch.ones(3), {{"image": torch.ones(3), "sizes": [1]}}), {{}}

def serving():
    features = {{"image": torch.ones(3), "sizes": [1, 2]}}
    return {{"longer": ((torch.ones(3), features), {{}})}}
"""


_KEYWORDS = """
import torch
from torch import nn

class Sum(nn.Module):
    def forward(self, **rows):
        out = torch.zeros(3)
        for row in rows.values():
            out = out + row
        return out

def build():
    return Sum()

IMAGE, VIDEO = torch.ones(3), torch.zeros(3)

def profile():
    return (), {"image": IMAGE, "video": VIDEO}

def serving():
    return {"turned": ((), {"video": VIDEO, "image": IMAGE})}
"""
_SAME_ORDER = _KEYWORDS.replace('"video": VIDEO, "image": IMAGE', '"image": IMAGE, "video": VIDEO')


class ContainerChange(GuardRule):
    """An argument of another type, length or set of keys.

    What it finds:
        A list, tuple, dict or object among the arguments that has another type, another number of entries or other
        keys than at profile, a tensor in place of a number or the reverse, and an entry that exists in one run only.

    Why it matters:
        Loops over a container are unrolled while the graph is captured, and keys are looked up then.  With guards
        dropped, entries that are new are ignored.

    How to fix it:
        Give the container the same type, keys and length in every call, the profile call among them, with entries that
        have no effect where there is nothing to pass: zeros where they are added, ones where they multiply or say what
        to keep.

    Known limits:
        Containers that no compiled code looks into have no guard and are not reported.  A path that is None in one
        run belongs to none-at-profile.
    """

    code = "SG102"
    name = "container-change"
    kind = Kind.INPUT_STRUCTURE
    cause = Cause.CONTAINER
    flagged = (
        Example("a list with one more entry", _LONGER_LIST, ("two",), fix=_FEATURES, fixed=(_AS_LONG,)),
        Example("a dict with another key", _OTHER_KEY, ("video",), fix=_FEATURES, fixed=(_SAME_KEYS,)),
        Example(
            "keywords in another order",
            _KEYWORDS,
            ("turned",),
            fix="Give the keywords in the same order in every call.",
            fixed=(_SAME_ORDER,),
        ),
    )
    passed = (Example("entries that no compiled code looks into", _NOT_READ),)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        return change(guard)

    def fix(self, guard: ViolatedGuard) -> str:
        if guard.aspect in (Aspect.TYPE, Aspect.VALUE):
            return f"Pass `{guard.path}` with the same type in every call, converted before the compiled region."
        if guard.condition.asks is Asks.GIVEN:
            return neutral.fix(guard.path, guard.actual if guard.expected == "not given" else guard.expected)
        if guard.condition.asks is Asks.ORDER:
            return "Give the keywords in the same order in every call."
        if guard.aspect is Aspect.PRESENCE or neutral.is_cache(guard.path):
            return neutral.fix(guard.path, "")
        if guard.condition.asks in (Asks.HAS_KEY, Asks.LACKS_KEY):
            return neutral.fix(f"{guard.path}[{guard.condition.key}]", "")
        return (
            f"Give `{guard.path}` the same entries in the profile call and in every serving call: where there is "
            "nothing to pass, zeros if they are added, ones if they multiply or say what to keep."
        )
