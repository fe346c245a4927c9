from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind
from steadygraph.rule import Example, Rule
from steadygraph_rules.device.mismatch import blamed_for_error
from steadygraph_rules.guard_rule import LONGEST_ERROR, shortened
from steadygraph_rules.outcome.padding import padded_and_valid

_BUFFER = """
import torch
from torch import nn

class Buffer(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.register_buffer("rows", torch.zeros(8, 2))

    def forward(self, x):
        if len(x) > len(self.rows):
            raise ValueError(f"{len(x)} rows into {len(self.rows)}")
        return self.layer((x + self.rows[: x.shape[0]]).sum(0))

def build():
    return Buffer()

def regions(model):
    return [model.layer]

def profile():
    return (torch.ones(4, 2),), {}
"""

_TOO_MANY = f"""{_BUFFER}
def serving():
    return {{
        "few": ((torch.ones(4, 2),), {{}}),
        "many": ((torch.ones(9, 2),), {{}}),
    }}
"""

_LARGER = _TOO_MANY.replace("zeros(8, 2)", "zeros(16, 2)")

_FITS = f"""{_BUFFER}
def serving():
    return {{"few": ((torch.ones(4, 2),), {{}})}}
"""


class ServingError(Rule):
    """A call that raises at serving, in eager mode already.

    What it finds:
        A scenario whose call raises without any compilation, while the profile call did not.

    Why it matters:
        The profile run never came to this line: the first such request takes the server down.

    How to fix it:
        Repair the line that raises, and add the call to the warm-up.

    Known limits:
        Why it raises is the message of the exception; a device behind it is not told apart.
    """

    code = "SG601"
    name = "serving-error"
    kind = Kind.SERVING_ERROR
    flagged = (
        Example(
            "more rows than the buffer has",
            _TOO_MANY,
            ("many",),
            fix="Repair the line that raises: the warm-up never came to it.",
            fixed=(_LARGER,),
        ),
    )
    passed = (Example("as many rows as fit", _FITS),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        error = evidence.eager_error
        if error is None or evidence.scenario == PROFILE or _has_its_own_rule(evidence):
            return
        news = "" if evidence.profile_error is not None else ", and the profile call did not"
        text = shortened(str(error), LONGEST_ERROR)
        yield self.finding(
            evidence,
            (f"eager mode raises {error.type}", text.removeprefix(error.type), news),
            path=error.type,
            consequence=Consequence.RAISES,
            fix="Repair the line that raises: the warm-up never came to it.",
            location=error.location,
            says_error=str(error),
        )


def _has_its_own_rule(evidence: Evidence) -> bool:
    explained = padded_and_valid(evidence), blamed_for_error(evidence), evidence.leak
    return any(one is not None for one in explained)
