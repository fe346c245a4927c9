from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind, Outcome, Policy, Result
from steadygraph.rule import Example, Rule
from steadygraph_rules.blame import fails_to_capture, is_own
from steadygraph_rules.guard_rule import LONGEST_ERROR, differs, shortened

_DRAFT = """
import torch
from torch import nn

CUDA_GRAPH = True

class Step(nn.Module):
    def forward(self, x):
        return x * 2

class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.step = Step()
        self.previous = None

    def forward(self, x):
        out = self.step(x){clone}
        change = out if self.previous is None else out - self.previous
        self.previous = out
        return change

def build():
    return Runner()

def regions(model):
    return [model.step]

def profile():
    return (torch.ones(3),), {{}}

def serving():
    return {{"first": ((torch.zeros(3),), {{}})}}
"""


_USED_AT_ONCE = _DRAFT.format(clone="").replace("self.previous = out\n", "\n")


class ReplayDiffers(Rule):
    """A captured graph returns something else than eager mode, though every guard holds.

    What it finds:
        A scenario that is wrong or raises when the captured graph is replayed, and right when guards are kept or
        dropped; about which no other rule says anything as bad.

    Why it matters:
        A replay does nothing but run kernels on the memory of the captured call.  A result that somebody kept is
        overwritten by the next replay, memory that Python chose anew is not looked at, and Python itself does not run.

    How to fix it:
        Clone what has to outlive the next replay, write new values into the memory of the captured call (copy_), and
        keep Python that counts or decides outside of the captured region.

    Known limits:
        Which of these it is cannot be told.
    """

    code = "SG502"
    name = "replay-differs"
    kind = Kind.BUFFER_REALLOC
    fallback = True
    flagged = (
        Example(
            "a result that is kept until the next step",
            _DRAFT.format(clone=""),
            ("first",),
            fix="Clone what has to outlive the next replay, and write new values into the captured memory (copy_).",
            fixed=(_DRAFT.format(clone=".clone()"),),
        ),
    )
    passed = (Example("a result that nobody keeps", _USED_AT_ONCE),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        bad = [o for o in evidence.outcomes if o.result in (Result.SILENT_WRONG, Result.RAISES) and is_own(o)]
        replayed = [outcome for outcome in bad if outcome.policy is Policy.CUDA_GRAPH]
        if not replayed or replayed != bad or evidence.scenario == PROFILE:
            return
        if evidence.violated_guards or evidence.eager_error is not None or fails_to_capture(evidence):
            return
        outcome = replayed[0]
        wrong = outcome.result is Result.SILENT_WRONG
        yield self.finding(
            evidence,
            (
                f"a replay of the captured graph {_says(outcome)}, though no guard is violated",
                ": it reads or writes memory of the captured call that means something else by now",
            ),
            path="replay",
            consequence=Consequence.SILENT_WRONG if wrong else Consequence.RAISES,
            says_error=None if wrong else outcome.error,
            outcomes=replayed,
            fix="Clone what has to outlive the next replay, and write new values into the captured memory (copy_).",
        )


def _says(outcome: Outcome) -> str:
    if outcome.result is Result.SILENT_WRONG:
        return differs(outcome)
    return f"raises {shortened(outcome.error or 'an error', LONGEST_ERROR)}"
