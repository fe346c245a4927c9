from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import (
    PROFILE,
    BreakReason,
    Consequence,
    Evidence,
    Finding,
    Kind,
    Location,
    ViolatedGuard,
)
from steadygraph.rule import Example, Message, Rule
from steadygraph_rules.graph import entries
from steadygraph_rules.guard_rule import place, shortened

#: So many compilations after the first one: two kinds of layers are two compilations, and no key.
_FEWEST = 2

_NUMBERED = """
import torch
from torch import nn

class Block(nn.Module):
    def __init__(self, number):
        super().__init__()
        self.number = number

    def forward(self, x):
        return x + self.number

class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.ModuleList(Block(n) for n in range(4))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x

def build():
    return Model()

def regions(model):
    return list(model.blocks)

def profile():
    return (torch.ones(4),), {}

def serving():
    return {"again": ((torch.zeros(4),), {})}
"""
_NAMED = _NUMBERED.replace(
    "self.number = number", 'self.key = f"b{number}"\n        self.table = {self.key: torch.ones(4)}'
).replace("x + self.number", "x + self.table[self.key]")

_IN_A_BUFFER = _NUMBERED.replace("self.number = number", "self.number = nn.Buffer(torch.tensor(number))")
_LOOKED_UP = _NAMED.replace("x + self.table[self.key]", "x + self.row").replace(
    "torch.ones(4)}\n", "torch.ones(4)}\n        self.row = nn.Buffer(self.table[self.key])\n"
)
_TWO_KINDS = _NUMBERED.replace("Block(n)", "Block(n % 2)")


class RepeatedCompilation(Rule):
    """Code that the profile call compiles again and again, because a value in it is another one each time.

    What it finds:
        A function that several regions share, or that one region runs several times, and that the profile call
        compiles three times or more: its entries are told apart by one value, which each of them has otherwise.

    Why it matters:
        Warm-up takes as many compilations as there are values.  When the recompile limit is reached (8 in torch 2.13),
        whatever is left runs uncompiled, without a word.

    How to fix it:
        Keep what differs between the layers out of compiled code: a number in a tensor or a buffer, a name where no
        compiled code looks at it.

    Known limits:
        Where dropped guards then lead to wrong results, shared-code says so besides.
    """

    code = "SG405"
    name = "repeated-compilation"
    kind = Kind.REPEATED_COMPILATION
    flagged = (
        Example(
            "blocks that are compiled one by one, and numbered",
            _NUMBERED,
            ("profile",),
            fix="Keep `self.number` in a buffer: one entry answers for all tensors that look alike.",
            fixed=(_IN_A_BUFFER,),
        ),
        Example(
            "blocks that look their own name up",
            _NAMED,
            ("profile",),
            fix="Keep `self.key` out of compiled code: look up in `__init__` what it stands for.",
            fixed=(_LOOKED_UP,),
        ),
    )
    passed = (Example("two kinds of blocks", _TWO_KINDS),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        if evidence.scenario != PROFILE:
            return
        for location, shared in entries.by_code(evidence.profile).items():
            again, guard = sum(code.again for code in shared), entries.key(shared)
            if again >= _FEWEST and guard is not None:
                yield self.finding(
                    evidence,
                    _message(location, again + 1, guard, evidence),
                    path=guard.path,
                    consequence=Consequence.RECOMPILES,
                    fix=_fix(guard),
                    location=guard.location or location,
                    region=guard.region,
                )


def _fix(guard: ViolatedGuard) -> str:
    if guard.expected_type in ("int", "float"):
        return f"Keep `{guard.path}` in a buffer: one entry answers for all tensors that look alike."
    return f"Keep `{guard.path}` out of compiled code: look up in `__init__` what it stands for."


def _message(location: Location, times: int, guard: ViolatedGuard, evidence: Evidence) -> Message:
    values = f"{shortened(guard.expected)}, {shortened(guard.actual)}"
    return (
        f"the profile call compiles `{location.function}` {times} times, once for each value of {place(guard)}",
        f" ({values}, ...)",
        _limit(location, evidence),
    )


def _limit(location: Location, evidence: Evidence) -> str:
    breaks = [one for observation in evidence.profile for one in observation.breaks]
    reached = any(one.reason is BreakReason.RECOMPILE_LIMIT and one.location == location for one in breaks)
    return "; that reaches the recompile limit, and what is left runs uncompiled" if reached else ""
