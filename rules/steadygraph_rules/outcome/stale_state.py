from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, Evidence, Finding, Kind
from steadygraph.rule import Example, Rule

_NAMED_AT_MOST = 3

_BUFFER = """
import torch
from torch import nn

INDEPENDENT = True

class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.rows = torch.zeros(4, 2)

    def forward(self, x, image=None, abort=False):
        {reset}
        if image is not None:
            self.rows.copy_(image)
        if abort:
            return torch.zeros(0)
        out = self.layer(x + self.rows)
        self.rows.zero_()
        return out

def build():
    return Runner()

def regions(model):
    return [model.layer]

def profile():
    return (torch.ones(4, 2),), {{}}

def serving():
    x = torch.ones(4, 2)
    return {{"aborted": ((x, 3 * x, True), {{}}), "text": ((x,), {{}})}}
"""


class StaleState(Rule):
    """An earlier request shows in the result of this one.

    What it finds:
        In a case of independent requests (``INDEPENDENT = True``) a scenario whose eager result is another after the
        calls before it than on a fresh model, which is the truth: eager mode has a column of its own in the report.

    Why it matters:
        Rows of somebody else's request, counters, or buffers that an aborted step left behind: wrong results that
        depend on traffic, and data that crosses from one user to another.

    How to fix it:
        Begin every step from a known state (clear what the last one may have left), not only after a step that ended
        well.

    Known limits:
        The attributes named are all those that the earlier calls changed; one of them is the way.  Module-level
        variables and default arguments of the model's own code are a way too, and are not named.
    """

    code = "SG603"
    name = "state-from-earlier-request"
    kind = Kind.STALE_STATE
    flagged = (
        Example(
            "a step that is aborted after it wrote its rows",
            _BUFFER.format(reset="pass"),
            ("text",),
            fix="Reset this state in place at the start of every step, so that one which ended early leaves nothing "
            "behind.",
            fixed=(_BUFFER.format(reset="self.rows.zero_()"),),
        ),
    )
    passed = (
        Example("nothing is written before a step may end", _BUFFER.format(reset="image = None if abort else image")),
    )

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        leak = evidence.leak
        if leak is None:
            return
        named = ", ".join(f"`{path}`" for path in leak.attributes[:_NAMED_AT_MOST])
        left = len(leak.attributes) - _NAMED_AT_MOST
        through = f" through {named}" + (f" and {left} more" if left > 0 else "") if named else ""
        yield self.finding(
            evidence,
            (
                f"an earlier request leaks into this one{through}",
                f": on a fresh model the result is another ({leak.detail})",
            ),
            path=leak.attributes[0] if leak.attributes else "model",
            consequence=Consequence.RAISES if evidence.eager_error else Consequence.SILENT_WRONG,
            fix="Reset this state in place at the start of every step, so that one which ended early leaves nothing "
            "behind.",
            location=evidence.eager_error.location if evidence.eager_error else None,
            profile="as on a fresh model",
            serving="depends on the calls before",
            says_change=True,
            outcomes=[outcome for outcome in evidence.outcomes if outcome.as_eager],
        )
