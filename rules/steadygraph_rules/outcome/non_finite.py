from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind, NonFinite
from steadygraph.rule import Example, Rule

_ATTENTION = """
import torch
from torch import nn

class Attention(nn.Module):
    def forward(self, scores, lengths):
        valid = torch.arange(scores.shape[1]) < lengths[:, None]
        masked = scores.masked_fill(~valid, float("-inf"))
        weights = masked.softmax(-1)
        return weights / weights.amax().clamp(min=1.0)

def observe(model, out):
    return out[:1]

def build():
    return Attention()

def call(*lengths):
    return (torch.ones(2, 4), torch.tensor(lengths)), {}

def profile():
    return call(4, 4)

def serving():
    return {"full": call(3, 2), "padded": call(3, 0)}
"""

_LENGTH_ONE = _ATTENTION.replace("call(3, 0)", "call(3, 1)")
_REPLACED = _ATTENTION.replace(".softmax(-1)", ".softmax(-1).nan_to_num(0.0)")

_LOGITS = _ATTENTION.replace(".softmax(-1)", "").replace("weights / weights.amax().clamp(min=1.0)", "weights")


class NonFiniteResult(Rule):
    """NaN or infinity in a result, and none in that of the warm-up call.

    What it finds:
        A scenario whose result in eager mode holds NaN, or an infinity that an operator made out of finite numbers,
        at a place where the profile call has none; with the first operator that made it, or the argument or attribute
        that it came in with.

    Why it matters:
        Compilation is not to blame, and every policy gives the same: nothing that compares with eager mode sees it.
        One padded row can spoil what is computed over all rows, a scale or a norm, and with it the real ones.

    How to fix it:
        Keep padding within what the operator takes (a length of 1, a mask that leaves one entry), or replace its
        result; fill buffers that are read before they are written.

    Known limits:
        Infinities that are written by name or handed in, as in the logits of tokens that must not be drawn, are meant.
        What calculates outside of torch (numpy, C++) is no operator.
    """

    code = "SG605"
    name = "non-finite-result"
    kind = Kind.NON_FINITE
    flagged = (
        Example(
            "a request of length 0 among real ones",
            _ATTENTION,
            ("padded",),
            fix="Give this line inputs of which it makes no nan, as a padded length of 1, or replace its result "
            "(torch.nan_to_num).",
            fixed=(_LENGTH_ONE, _REPLACED),
        ),
    )
    passed = (
        Example("every request has a length", _LENGTH_ONE),
        Example("logits that must not be drawn", _LOGITS),
    )

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        found = evidence.non_finite
        if found is None or evidence.scenario == PROFILE:
            return
        yield self.finding(
            evidence,
            (
                _what(found),
                ", and not at profile" if found.total == 1 else ", and none at profile",
                _whence(found),
            ),
            path=found.path,
            consequence=Consequence.SILENT_WRONG,
            fix=_fix(found),
            location=found.location,
            profile="finite",
            serving=found.value,
            says_change=True,
            outcomes=(),
        )


def _what(found: NonFinite) -> str:
    if found.total == 1:
        return f"`{found.path}` is {found.value} in eager mode already"
    count = f"{found.count:,} of {found.total:,} elements"
    return f"{count} of `{found.path}` are {found.value} in eager mode already"


def _whence(found: NonFinite) -> str:
    if found.operator:
        return f"; the first operator that makes it is `{found.operator}`"
    return f"; it comes in with `{found.source}`" if found.source else ""


def _fix(found: NonFinite) -> str:
    if found.operator:
        return (
            f"Give this line inputs of which it makes no {found.value}, as a padded length of 1, or replace its result "
            "(torch.nan_to_num)."
        )
    if found.source:
        return f"Write finite values into all of `{found.source}` before it is read."
    return f"Look for what holds {found.value} before the call, or is read before it was written (torch.empty)."
