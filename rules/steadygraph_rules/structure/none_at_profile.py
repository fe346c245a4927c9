from __future__ import annotations

from collections.abc import Iterator, Sequence

from steadygraph.model import Aspect, Consequence, Evidence, Finding, Kind, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules import neutral
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change, from_before_a_break, shortened

_MODEL = """
import torch
from torch import nn

class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, deepstack=None):
        h = self.layer(x)
        if deepstack is not None:
            h = h + deepstack["d0"]
        return h

def build():
    return Decoder().eval()
"""

_NONE_THEN_TENSORS = f"""{_MODEL}
def profile():
    return (torch.ones(4),), {{"deepstack": None}}

def serving():
    return {{
        "text": ((torch.zeros(4),), {{"deepstack": None}}),
        "image": ((torch.ones(4),), {{"deepstack": {{"d0": torch.ones(4)}}}}),
    }}
"""

_TENSOR_THEN_NONE = """
import torch
from torch import nn

class Attention(nn.Module):
    def forward(self, scores, mask=None):
        if mask is not None:
            scores = scores.masked_fill(~mask, -1e9)
        return scores.softmax(-1)

def build():
    return Attention()

def profile():
    return (torch.ones(2, 4), torch.tensor([True, True, False, False])), {}

def serving():
    keep = None
    return {"unpadded": ((torch.ones(2, 4), keep), {})}
"""

_ZEROS_THEN_TENSORS = _NONE_THEN_TENSORS.replace("None}", '{"d0": torch.zeros(4)}}')

_MASK_THAT_KEEPS_ALL = _TENSOR_THEN_NONE.replace("keep = None", "keep = torch.ones(4, dtype=torch.bool)")

_NEVER_READ = """
import torch
from torch import nn

class Model(nn.Module):
    def forward(self, x, unused=None):
        return x * 2

def build():
    return Model()

def profile():
    return (torch.ones(2),), {}

def serving():
    return {"given": ((torch.ones(2), torch.ones(5)), {})}
"""


def _changes_like(one: ViolatedGuard, other: ViolatedGuard) -> bool:
    return one.region == other.region and (one.expected == "None") == (other.expected == "None")


class NoneAtProfile(GuardRule):
    """An argument that is None in one run and a value in the other.

    What it finds:
        An argument, or something in one, that is ``None`` at profile and a tensor, a container or any other value at
        serving, or the reverse.

    Why it matters:
        Dynamo burns ``is None`` into the graph.  With guards dropped, the branch that uses the value does not exist,
        and nothing raises: the value is ignored.  With guards kept, the first such request waits for a compilation.

    How to fix it:
        Pass the same structure always, in the profile call and in every serving call.  Where there is nothing to
        pass, pass what has no effect: zeros where it is added, ones where it multiplies or says what to keep, in a
        container of the same type, with the same keys, shapes, dtypes and device.

    Known limits:
        An argument that no compiled code reads has no guard and is not reported.  What lies below a path that is None
        is not compared.
    """

    code = "SG101"
    name = "none-at-profile"
    kind = Kind.INPUT_STRUCTURE
    cause = Cause.NONE
    flagged = (
        Example(
            "None at profile, tensors at serving",
            _NONE_THEN_TENSORS,
            ("image",),
            fix="Pass zeros (ones where it multiplies) in the profile call and in every serving call that has none: "
            "same type, keys, shapes, dtypes and device.",
            fixed=(_ZEROS_THEN_TENSORS,),
        ),
        Example(
            "a mask at profile, None at serving",
            _TENSOR_THEN_NONE,
            ("unpadded",),
            fix="Pass a mask without effect in the profile call and in every serving call that has none: ones where "
            "it says what to keep, zeros where it is added or says what to hide or change.",
            fixed=(_MASK_THAT_KEEPS_ALL,),
        ),
    )
    passed = (Example("an argument that nobody reads", _NEVER_READ),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        yield from super().check(evidence)
        if evidence.eager_error is not None and not evidence.serving:
            yield from self._unreached(evidence)

    def _unreached(self, evidence: Evidence) -> Iterator[Finding]:
        """Eager mode raised before a region ran: no guard was asked, and the arguments of the whole call must do."""
        for one in evidence.call_differences:
            if one.aspect in (Aspect.NONE, Aspect.PRESENCE):
                profile, serving = shortened(one.profile), shortened(one.serving)
                yield self.finding(
                    evidence,
                    (
                        f"argument `{one.path}` is {profile} at profile, {serving} at serving",
                        ", and eager mode raises before any compiled region runs",
                    ),
                    path=one.path,
                    consequence=Consequence.RAISES,
                    fix=f"Repair what raises, then pass `{one.path}` in the profile call and in every serving call.",
                    profile=one.profile,
                    serving=one.serving,
                    says_change=True,
                )

    def groups(self, guards: Sequence[ViolatedGuard]) -> list[list[ViolatedGuard]]:
        """What was made of an argument before a graph break is None where the argument is: one defect."""
        given: list[list[ViolatedGuard]] = []
        made: list[list[ViolatedGuard]] = []
        for group in super().groups(guards):
            (made if from_before_a_break(group[0]) else given).append(group)
        for group in made:
            cause = next((one for one in given if _changes_like(one[0], group[0])), None)
            if cause is None:
                given.append(group)
            else:
                cause += group
        return given

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        return change(guard)

    def fix(self, guard: ViolatedGuard) -> str:
        return neutral.fix(guard.path, guard.actual if guard.expected == "None" else guard.expected)
