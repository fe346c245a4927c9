from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import (
    PROFILE,
    Checked,
    Consequence,
    Difference,
    Evidence,
    Finding,
    Kind,
    Outcome,
    Policy,
    Result,
)
from steadygraph.rule import Example, Rule
from steadygraph_rules.blame import of_guards
from steadygraph_rules.guard_rule import FIX_OVERLAP, differs, overlaps, shortened

_MODEL = """
import torch
from torch import nn

state = {"scale": 1.0}

MARK
def scale():
    return state["scale"]

class Net(nn.Module):
    def forward(self, x):
        return x * scale()

def build():
    return Net()

def before(model, name):
    state["scale"] = 2.0 if name == "louder" else 1.0

def profile():
    return (torch.ones(4),), {}

def serving():
    return {
        "same": ((torch.ones(4),), {}),
        "louder": ((torch.ones(4),), {}),
    }
"""

_FIX = (
    "Pass what changes as a tensor argument, or keep it in a buffer that forward reads; register a hook before the "
    "profile call and leave it there."
)

_UNGUARDED = _MODEL.replace("MARK", "@torch.compiler.assume_constant_result")
_IN_A_BUFFER = (
    _UNGUARDED.replace(
        "class Net(nn.Module):\n",
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        "
        'self.register_buffer("scale", torch.tensor(1.0))\n\n',
    )
    .replace("x * scale()", "x * self.scale")
    .replace('state["scale"] = 2.0 if name == "louder" else 1.0', 'model.scale.fill_(2.0 if name == "louder" else 1.0)')
)

_AS_AN_ARGUMENT = (
    _UNGUARDED.replace("forward(self, x)", "forward(self, x, scale)")
    .replace("x * scale()", "x * scale")
    .replace("(torch.ones(4),)", "(torch.ones(4), torch.tensor(1.0))")
    .replace('"louder": ((torch.ones(4), torch.tensor(1.0))', '"louder": ((torch.ones(4), torch.tensor(2.0))')
)

_OVERLAPPING = """
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x, y):
        x.add_(1)
        y.mul_(2)
        return x[0] + y[3]

def build():
    return Net()

def rows(second):
    memory = torch.arange(8.0)
    return (memory[:4], memory[second : second + 4]), {}

def profile():
    return rows(4)

def serving():
    return {"apart": rows(4), "overlapping": rows(2)}
"""
_CLONED = _OVERLAPPING.replace("memory[second : second + 4])", "memory[second : second + 4].clone())")
_GUARDED = _MODEL.replace("MARK\n", "")


_NAMED_AT_MOST = 2


class MissingGuard(Rule):
    """A compiled result that is wrong although guards are kept.

    What it finds:
        A scenario in which no guard of the profile call is violated and nothing recompiles, and stock
        ``torch.compile`` returns something else than eager mode.

    Why it matters:
        Nothing protects such a call under any policy: the graph depends on something that Dynamo did not guard.

        AOTAutograd makes a graph that writes to its inputs functional for the inputs of the warm-up call; with a static
        shape, nothing guards that they go on lying apart in memory.

    How to fix it:
        Make what changes a tensor argument, or a buffer that the forward reads and that is changed in place; do not
        hide it behind ``assume_constant_result``, hooks added after compilation or custom operators with state.  Inputs
        that overlap in memory in one run only: ``clone()`` one of them.

    Known limits:
        What the unguarded thing is cannot be told, but for inputs that overlap in memory.  Random numbers are compared
        under one seed.
    """

    code = "SG304"
    name = "missing-guard"
    kind = Kind.MISSING_GUARD
    flagged = (
        Example(
            "a result that Dynamo was told to take for constant",
            _UNGUARDED,
            ("louder",),
            fix="Pass what changes as a tensor argument, or keep it in a buffer that forward reads; register a hook "
            "before the profile call and leave it there.",
            fixed=(_AS_AN_ARGUMENT, _IN_A_BUFFER),
        ),
        Example(
            "inputs that are written to, and overlap at serving",
            _OVERLAPPING,
            ("overlapping",),
            fix="Pass inputs that share memory in every call or in none: clone() one of them.",
            fixed=(_CLONED,),
        ),
    )
    passed = (Example("the same with a guard, which is another finding", _GUARDED),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        if evidence.scenario == PROFILE or evidence.eager_error is not None or evidence.fault is not None:
            return
        if _is_dropped(evidence):
            return
        for outcome in of_guards(evidence):
            if outcome.policy is Policy.RECOMPILE and outcome.result is Result.SILENT_WRONG:
                held = "guards are kept" if evidence.violated_guards else "every guard holds"
                hooks = [
                    one for one in evidence.differences if one.path.endswith(("forward_hooks", "forward_pre_hooks"))
                ]
                overlap = next(overlaps(evidence), None)
                yield self.finding(
                    evidence,
                    (
                        f"{_differs(outcome)}, though {held}",
                        "" if overlap is None else f"; {overlap}",
                        *map(_changed, hooks[:_NAMED_AT_MOST]),
                    ),
                    path="missing-guard",
                    consequence=Consequence.SILENT_WRONG,
                    fix=_FIX if overlap is None else FIX_OVERLAP,
                    region=evidence.regions[0].name if len(evidence.regions) == 1 else "",
                    outcomes=of_guards(evidence),
                )
                return


def _is_dropped(evidence: Evidence) -> bool:
    """Was there a guard, which the model's own code has nobody look at?"""
    return any(guard.checked is Checked.NEVER for guard in evidence.violated_guards)


def _changed(hooks: Difference) -> str:
    """Which hooks there are now."""
    where = "all modules" if "." not in hooks.path else f"`{hooks.path.rpartition('.')[0]}`"
    kind = hooks.path.rpartition(".")[2].replace("_", " ")
    return f"; the {kind} of {where} are {shortened(hooks.profile)} at profile, {shortened(hooks.serving)} at serving"


def _differs(outcome: Outcome) -> str:
    if outcome.effect is not None and outcome.effect == outcome.error:
        return f"the compiled call {differs(outcome)}"
    error = "" if outcome.max_abs_error is None else f" by up to {outcome.max_abs_error:.3g}"
    return f"the compiled result differs from eager mode{error}"
