from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import (
    NOT_GUARDED,
    PROFILE,
    Checked,
    Consequence,
    Evidence,
    Finding,
    Kind,
    Outcome,
    Policy,
    Result,
)
from steadygraph.rule import Example, Rule
from steadygraph_rules.blame import of_guards
from steadygraph_rules.guard_rule import LONGEST_ERROR, differs, shortened

_NAMED_AT_MOST = 2
_FIX = "Make what differs between the two calls equal, one thing at a time, to find the cause."
_NOT_GUARDED = "torch cannot check the guards of the profile call on these arguments"
_GUARDED = "Pass tensors that torch.compile can guard: of a nested one, a tensor with layout=torch.jagged."
_SAYS = {
    Consequence.RAISES: "raises where eager mode does not",
    Consequence.RECOMPILES: "compiles again",
}

_DYNAMIC = """
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        return x * 2

def build():
    return Net()

def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"longer": ((torch.ones(7),), {})}
"""


class UnexplainedResult(Rule):
    """A bad outcome that no violated guard explains.

    What it finds:
        A scenario that is wrong, raises or recompiles under a policy although no guard of the profile call is known
        to be violated, and about which no other rule says anything as bad.

    Why it matters:
        The outcome was proved by running it; only its cause is not known.

    How to fix it:
        Look at what differs between the two calls, which the message names, and make it equal one by one.

    Known limits:
        This rule admits that the others found nothing; it is not run against examples of its own.
    """

    code = "SG901"
    name = "unexplained-result"
    kind = Kind.MISSING_GUARD
    fallback = True
    passed = (Example("another size in a dynamic dimension", _DYNAMIC),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        # What the model's own code has checked explains that it compiles again, and nothing else.
        explained = any(guard.checked is not Checked.ALWAYS for guard in evidence.violated_guards)
        if explained or evidence.eager_error is not None or evidence.fault is not None or evidence.refusals:
            return
        bad = [(found, one) for one in of_guards(evidence) if (found := _consequence(one, evidence)) is not None]
        if not bad:
            return
        order = list(Consequence)
        worst, outcome = min(bad, key=lambda pair: order.index(pair[0]))
        _, not_guarded, why = (outcome.error or "").partition(NOT_GUARDED)
        yield self.finding(
            evidence,
            (_NOT_GUARDED, f", so that under policy {outcome.policy} the call fails ({shortened(why, LONGEST_ERROR)})")
            if not_guarded
            else (
                f"under policy {outcome.policy} the call {_says(worst, outcome)}",
                ", and no violated guard explains it",
                _differing(evidence),
            ),
            path=f"{outcome.policy}: {worst}",
            consequence=worst,
            says_error=outcome.error if worst is Consequence.RAISES else None,
            fix=_GUARDED if not_guarded else _FIX,
            outcomes=of_guards(evidence),
        )


def _says(worst: Consequence, outcome: Outcome) -> str:
    if worst is Consequence.SILENT_WRONG:
        return differs(outcome)
    return f"{_SAYS[worst]}{_detail(worst, outcome)}"


def _consequence(outcome: Outcome, evidence: Evidence) -> Consequence | None:
    if outcome.result is Result.SILENT_WRONG:
        return Consequence.SILENT_WRONG
    if outcome.result is Result.RAISES:
        return Consequence.RAISES
    # Blocks that share their code may compile it several times in the profile call: that is warm-up.
    recompiled = outcome.policy is Policy.RECOMPILE and outcome.result is Result.RECOMPILES
    return Consequence.RECOMPILES if recompiled and evidence.scenario != PROFILE else None


def _detail(worst: Consequence, outcome: Outcome) -> str:
    return f" ({shortened(outcome.error, LONGEST_ERROR)})" if worst is Consequence.RAISES and outcome.error else ""


def _differing(evidence: Evidence) -> str:
    paths = [difference.path for difference in evidence.differences]
    if not paths:
        return ""
    left = len(paths) - _NAMED_AT_MOST
    named = ", ".join(f"`{path}`" for path in paths[:_NAMED_AT_MOST])
    return f"; what differs: {named}" + (f" and {left} more" if left > 0 else "")
