from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, Evidence, Finding, Kind, Outcome, Result
from steadygraph.rule import Example, Rule

_CACHE = """
import torch
from torch import nn

class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(4))

    def forward(self, x, write):
        {write}
        return x + self.cache.sum()

def build():
    return Layer()

def profile():
    return (torch.ones(4), {no}), {{}}

def serving():
    return {{
        "writes": ((torch.ones(4), {yes}), {{}}),
        "reads": ((torch.ones(4), {no}), {{}}),
    }}
"""


class WrongSinceEarlier(Rule):
    """A call that is wrong only because of what an earlier one left behind.

    What it finds:
        A scenario that is wrong or raises under a policy after the calls before it, and is right under the same policy
        where these have run in eager mode.

    Why it matters:
        A note, no more: the earlier call is the defect, and counted there.  That later calls are wrong as well, for as
        long as the state lasts, tells how far the defect reaches.

    How to fix it:
        Mend the call that the message names.

    Known limits:
        Under policy recompile nothing is run again: a call that found other state than in eager mode, and did no harm
        of its own, is taken for right.
    """

    code = "SG604"
    name = "wrong-since-earlier-call"
    kind = Kind.STALE_STATE
    passed = (
        Example(
            "the write is there in all calls",
            _CACHE.format(
                write="self.cache.copy_(torch.where(write, x, self.cache))",
                yes="torch.tensor(True)",
                no="torch.tensor(False)",
            ),
        ),
    )

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        same: dict[tuple[str, Result], list[Outcome]] = {}
        for outcome in evidence.outcomes:
            if outcome.since is not None:
                same.setdefault((outcome.since, outcome.result), []).append(outcome)
        for (since, result), outcomes in same.items():
            policies = " and ".join(dict.fromkeys(str(outcome.policy) for outcome in outcomes))
            yield self.finding(
                evidence,
                (
                    f"{_HAPPENS[result]} under {policies}, and right by itself: {since}",
                    ", whose finding counts for both",
                ),
                path=since,
                consequence=Consequence.BENIGN,
                fix="Mend the earlier call: this one goes on from what it left behind.",
                says_change=True,
                says_error=outcomes[0].error if result is Result.RAISES else None,
            )


_HAPPENS = {Result.SILENT_WRONG: "silently wrong", Result.RAISES: "raises"}
