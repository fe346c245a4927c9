from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, Evidence, Finding, Kind, Location, Outcome, Result
from steadygraph.rule import Example, Rule
from steadygraph_rules.guard_rule import differs

_MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        if torch.compiler.is_compiling():
            return x.to(torch.bfloat16).float() * FACTOR
        return x * 2

def build():
    return Net()

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"again": ((torch.zeros(4) + 0.5,), {})}
"""

_FIX = "Let both branches compute the same, or decide by an argument or an attribute, which Dynamo guards."
_OTHER = _MODEL.replace("FACTOR", "3")
_SAME = _MODEL.replace("FACTOR", "2")
_GUARDED = _OTHER.replace("torch.compiler.is_compiling()", "not self.training")


class CompiledBranch(Rule):
    """Code that computes something else where it is being compiled.

    What it finds:
        A call that is wrong, or raises, under a policy, and a line in it that asks ``torch.compiler.is_compiling()``,
        or a library's function that hands the answer on (``is_torchdynamo_compiling``): eager mode does the same as
        the compiled call where it gets the same answer there.

    Why it matters:
        Dynamo answers True and makes no guard.  What is tested in eager mode is another model than the one served.

    How to fix it:
        Let both branches compute the same, or decide by an argument or an attribute, which is guarded.

    Known limits:
        Branches whose results are the same are no defect and are not reported.  Where several lines have to get
        another answer together, all that the call asks at are named.
    """

    code = "SG305"
    name = "compiled-branch"
    kind = Kind.MISSING_GUARD
    flagged = (
        Example(
            "another factor where the code is compiled", _OTHER, ("profile", "again"), fix=_FIX, fixed=(_SAME, _GUARDED)
        ),
    )
    passed = (Example("another way to the same result", _SAME),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        outcome = next((one for one in evidence.outcomes if one.compiled_branch), None)
        if outcome is None:
            return
        first, *others = outcome.compiled_branch
        raises = outcome.result is Result.RAISES
        yield self.finding(
            evidence,
            (
                f"`{first.function}` asks whether it is being compiled and takes another path then",
                f": the compiled call {_does(outcome)}",
                _also(others),
            ),
            path=f"is_compiling in {first.function}",
            consequence=Consequence.RAISES if raises else Consequence.SILENT_WRONG,
            fix=_FIX,
            location=first,
            region=evidence.regions[0].name if len(evidence.regions) == 1 else "",
        )


def _does(outcome: Outcome) -> str:
    return "raises where eager mode does not" if outcome.result is Result.RAISES else differs(outcome)


def _also(others: list[Location]) -> str:
    lines = ", ".join(f"`{place.function}`" for place in dict.fromkeys(others))
    return f"; also asked in {lines}" if lines else ""
