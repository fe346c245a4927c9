from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, Evidence, Finding, Kind, Outcome, Policy, Result, SharedCode
from steadygraph.rule import Example, Message, Rule
from steadygraph_rules.graph.entries import name, told_apart
from steadygraph_rules.guard_rule import LONGEST_ERROR, differs, shortened

_BAD = {Result.SILENT_WRONG: Consequence.SILENT_WRONG, Result.RAISES: Consequence.RAISES}

_TWO_WAYS = """
import torch
from torch import nn

def scaled(x, factor):
    return x * 2 if factor is None else x * factor

@torch.compiler.disable(recursive=False)
def twice(x):
    return scaled(x, None) + scaled(x, 3.0)

class Model(nn.Module):
    def forward(self, x):
        return twice(x + 1)

def build():
    return Model()

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"again": ((torch.zeros(4),), {})}
"""


_TRACED = _TWO_WAYS.replace("@torch.compiler.disable(recursive=False)\n", "")
_TENSORS = _TWO_WAYS.replace("(x, None)", "(x, torch.tensor(2.0))").replace("3.0", "torch.tensor(3.0)")


class SharedCodeRule(Rule):
    """Code that the profile call compiles more than once, of which one graph answers for all.

    What it finds:
        A function, or what goes on after a graph break, of which the profile call makes several entries, where a
        deployment that drops guards then fails or is wrong: in the profile call itself, and in every other.

    Why it matters:
        Entries of one code object are told apart by their guards alone.  Where those are dropped, the entry that was
        made first answers each call of the code, whatever the others were made for.

    How to fix it:
        Remove the graph break, or the exclusion from compilation, that makes the function a frame of its own; or have
        each call of it satisfy the guard that the message names, numbers as tensors; or keep guards.

    Known limits:
        Speaks only where no other rule explains the result.  Of several guards that differ the first two are named.
    """

    code = "SG404"
    name = "shared-code"
    kind = Kind.REPEATED_COMPILATION
    fallback = True
    flagged = (
        Example(
            "a function below one that is not compiled, called in two ways",
            _TWO_WAYS,
            ("profile", "again"),
            also=("SG401",),
            fix="Let Dynamo trace what calls `scaled`, without exclusion or graph break, or give it the same `factor` "
            "each time, a number as a tensor.",
            fixed=(_TRACED, _TENSORS),
        ),
    )
    passed = (Example("the same function, called in one way", _TWO_WAYS.replace("(x, None)", "(x, 3.0)")),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        bad = [one for one in evidence.outcomes if one.result in _BAD and one.policy is not Policy.RECOMPILE]
        shared = [
            (one, observation.region)
            for observation in evidence.profile
            for one in observation.shared
            if one.entries > 1
        ]
        if not bad or not shared or evidence.eager_error is not None or evidence.violated_guards:
            return
        outcome = next((one for one in bad if one.result is Result.SILENT_WRONG), bad[0])
        code, region = shared[0]
        yield self.finding(
            evidence,
            (*_message(code, outcome), _others([one for one, _ in shared[1:]])),
            path=code.location.function,
            consequence=_BAD[outcome.result],
            fix=_fix(code),
            location=next((guard.location for guard in code.told_apart if guard.location), code.location),
            region=region,
            says_error=outcome.error if outcome.result is Result.RAISES else None,
        )


def _message(code: SharedCode, outcome: Outcome) -> Message:
    told = f" ({found})" if (found := told_apart(code)) else ""
    return (
        f"`{code.location.function}` is compiled {code.entries} times in the profile call{told}",
        f", and under policy {outcome.policy} the first graph answers for all of them",
        f": the call {_what(outcome)}",
    )


def _what(outcome: Outcome) -> str:
    if outcome.result is Result.SILENT_WRONG:
        return differs(outcome)
    return f"raises {shortened(outcome.error, LONGEST_ERROR)}" if outcome.error else "raises"


def _others(others: list[SharedCode]) -> str:
    named = ", ".join(f"`{one.location.function}`" for one in others[:2])
    left = f" and {len(others) - 2} more" if len(others) > 2 else ""
    return f"; so is {named}{left}" if named else ""


def _fix(code: SharedCode) -> str:
    function, given = code.location.function, f"`{value}`" if (value := name(code)) else "values"
    return (
        f"Let Dynamo trace what calls `{function}`, without exclusion or graph break, or give it the same {given} each "
        "time, a number as a tensor."
    )
