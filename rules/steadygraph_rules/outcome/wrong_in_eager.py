from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, Evidence, Finding, Kind
from steadygraph.rule import Example, Rule

_PADDED = """
import torch
from torch import nn

class Pool(nn.Module):
    def forward(self, rows, count):
        return rows.mean(0)

def reference(model, args, kwargs):
    rows, count = args
    return rows[: int(count)].mean(0)

def build():
    return Pool()

def profile():
    return (torch.ones(4, 2), torch.tensor(4)), {}

def serving():
    rows = torch.tensor([[1.0, 2.0], [3.0, 4.0], [0.0, 0.0], [0.0, 0.0]])
    return {
        "full": ((2 * torch.ones(4, 2), torch.tensor(4)), {}),
        "padded": ((rows, torch.tensor(2)), {}),
    }
"""

_VALID = _PADDED.replace("return rows.mean(0)\n\ndef", "return rows.sum(0) / count\n\ndef")


class WrongInEagerMode(Rule):
    """Eager mode does not give what the case says that the call must return.

    What it finds:
        In a case with a ``reference`` a call, also the profile call, whose result in eager mode is another, beyond what
        rounding explains, on a fresh model as well: eager mode has a column of its own in the report.

    Why it matters:
        No policy is to blame: what surrounds the model is, such as padding that counts, or metadata made for another
        step.  All that takes eager mode for the truth calls it right.

    How to fix it:
        Repair the model, or what is handed to it, until eager mode gives what the reference gives.

    Known limits:
        A call that raises (SG601), NaN (SG605) and what only earlier calls bring about (SG603) have rules of their own.
        Results are compared within the tolerance of ``torch.testing.assert_close``, and of what a right profile call
        shows that the reference rounds otherwise.
    """

    code = "SG606"
    name = "wrong-in-eager-mode"
    kind = Kind.SERVING_ERROR
    flagged = (
        Example(
            "a mean over padding",
            _PADDED,
            ("padded",),
            fix="Repair what the model computes here, or what it is given, until eager mode agrees with reference().",
            fixed=(_VALID,),
        ),
    )
    passed = (Example("a mean over what is valid", _VALID),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        wrong = evidence.wrong_in_eager
        if wrong is None or evidence.non_finite is not None:
            return
        yield self.finding(
            evidence,
            ("eager mode does not give what reference() gives", f": {wrong.detail}"),
            path="reference()",
            consequence=Consequence.SILENT_WRONG,
            fix="Repair what the model computes here, or what it is given, until eager mode agrees with reference().",
            profile="as reference() says",
            serving="another result",
            says_change=True,
            outcomes=[outcome for outcome in evidence.outcomes if outcome.as_eager],
        )
