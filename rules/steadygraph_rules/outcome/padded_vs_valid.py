from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind
from steadygraph.rule import Example, Rule
from steadygraph_rules.outcome.padding import padded_and_valid

_RUNNER = """
import torch
from torch import nn

class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)

    def forward(self, padded, features):
        n = padded.shape[0]
        if n > len(features):
            raise ValueError(f"{n} tokens requested of {len(features)}")
        return self.layer(padded + features)

def build():
    return Runner()

def regions(model):
    return [model.layer]

def profile():
    return (torch.ones(8, 2), torch.ones(8, 2)), {}
"""

_PADDED = f"""{_RUNNER}
def serving():
    x = torch.ones(8, 2)
    return {{
        "exact": ((x, torch.ones(8, 2)), {{}}),
        "padded": ((x, torch.ones(5, 2)), {{}}),
    }}
"""

_CHECK = """n = padded.shape[0]
        if n > len(features):"""
_PAD = "missing = len(padded) - len(features)\n        features = nn.functional.pad(features, (0, 0, 0, missing))"

_VALID_ROWS = (
    _PADDED.replace("padded, features):", "padded, features, n=8):")
    .replace(_CHECK, "if n > len(features):")
    .replace("        return self.layer", f"        {_PAD}\n        return self.layer")
    .replace("torch.ones(5, 2)), {}", 'torch.ones(5, 2)), {"n": 5}')
)

_ZERO_PADDED = _PADDED.replace(_CHECK, f"{_PAD}\n        {_CHECK}")

_EXACT = f"""{_RUNNER}
def serving():
    return {{"exact": ((torch.ones(8, 2), torch.ones(8, 2)), {{}})}}
"""


class PaddedVsValid(Rule):
    """A padded length is held against a number of valid rows.

    What it finds:
        A serving call that raises in eager mode, with an error that names two lengths: that of a padded input, and that
        of an input which only has the valid rows.

    Why it matters:
        Engines round the number of tokens up, to a tensor-parallel size or to the next captured graph.  Dummy runs have
        no payload, so the check sees its first padded step in production.

    How to fix it:
        Compare scheduled rows with scheduled rows, or make the buffer as long as the padded length and leave its
        tail zero.

    Known limits:
        Both lengths must be sizes of this call's tensors and stand in the message; a length that an earlier call left
        in the model is not seen, and the error is then a serving-error.
    """

    code = "SG602"
    name = "padded-length-checked"
    kind = Kind.PADDED_VS_VALID
    flagged = (
        Example(
            "five valid rows, padded to eight",
            _PADDED,
            ("padded",),
            fix="Compare valid rows with valid rows, or zero-pad the buffer to match.",
            fixed=(_VALID_ROWS, _ZERO_PADDED),
        ),
    )
    passed = (Example("as many rows as tokens", _EXACT),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        error, lengths = evidence.eager_error, padded_and_valid(evidence)
        if error is None or lengths is None or evidence.scenario == PROFILE:
            return
        padded, valid = lengths
        yield self.finding(
            evidence,
            (
                f"{padded} padded rows meet {valid} valid ones",
                f", and eager mode raises {error.type}",
                str(error).removeprefix(error.type),
            ),
            path=error.type,
            consequence=Consequence.RAISES,
            fix="Compare valid rows with valid rows, or zero-pad the buffer to match.",
            location=error.location,
            profile="as many rows in both",
            serving=f"{padded} padded, {valid} valid",
            says_change=True,
            says_error=str(error),
        )
