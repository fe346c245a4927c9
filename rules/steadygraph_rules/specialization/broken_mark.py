from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import BrokenMark, Consequence, Evidence, Finding, Kind, Refusal
from steadygraph.rule import Example, Message, Rule
from steadygraph_rules.guard_rule import shortened

_PATCHES = """
import torch
from torch import nn

class Patches(nn.Module):
    def forward(self, x):
        if x.shape[0] == 4:
            return x + 1
        return x * 2

def build():
    return Patches()

def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)

def profile():
    return (torch.ones(4, 8),), {}

def serving():
    return {"again": ((torch.ones(4, 8),), {})}
"""

_MAYBE = _PATCHES.replace("mark_dynamic", "maybe_mark_dynamic")
_ALL_SIZES = _PATCHES.replace(
    """if x.shape[0] == 4:
            return x + 1
        return x * 2""",
    "return x + 1",
)

_BOUNDED = _PATCHES.replace("x.shape[0] == 4", "x.shape[0] <= 16")


class BrokenMarkRule(Rule):
    """A dimension that is marked as dynamic and that the code of the model makes constant.

    What it finds:
        Marks of the profile call that the code cannot keep: it compares the size with a number, converts it to a
        number, or adds a tensor whose size is fixed.  The same for bounds (``min``, ``max``) that the code narrows.

    Why it matters:
        ``mark_dynamic`` is a promise: ``torch.compile`` raises at the first call, and nothing is compiled.

    How to fix it:
        Write the code so that it runs for every size, or mark with ``torch._dynamo.maybe_mark_dynamic``, which lets
        the dimension be a constant; then a call of another size compiles again.

    Known limits:
        The scenarios are judged as ``maybe_mark_dynamic`` would have them.  Where the line is in a function that is
        called, the line of the call may be named.
    """

    code = "SG211"
    name = "broken-mark"
    kind = Kind.SPECIALIZATION_SHAPE
    flagged = (
        Example(
            "a branch that one size alone takes",
            _PATCHES,
            ("profile",),
            fix="Write the code for every size, or mark the dimension with torch._dynamo.maybe_mark_dynamic(x, 0).",
            fixed=(_ALL_SIZES, _MAYBE),
        ),
    )
    passed = (Example("a branch that many sizes take", _BOUNDED), Example("a mark that is a wish", _MAYBE))

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        for refusal in evidence.refusals:
            for mark in refusal.marks:
                yield self.finding(
                    evidence,
                    _message(mark, refusal),
                    path=f"{mark.path}.shape[{mark.dim}]",
                    consequence=Consequence.RAISES,
                    fix="Write the code for every size, or mark the dimension with "
                    f"torch._dynamo.maybe_mark_dynamic({mark.path}, {mark.dim}).",
                    location=mark.location,
                    says_error=str(evidence.refusals[0].error),
                )


def _message(mark: BrokenMark, refusal: Refusal) -> Message:
    needs = f"the code holds for size {mark.equal} only" if mark.equal else f"the code needs `{mark.condition}`"
    text = mark.location.text if mark.location is not None else None
    return (
        f"dimension {mark.dim} of `{mark.path}` is marked as dynamic, and {needs}",
        f": `{shortened(text)}`" if text else "",
        f"; torch.compile raises {refusal.error.type}",
    )
