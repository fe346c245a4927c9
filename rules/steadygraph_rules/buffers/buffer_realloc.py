from __future__ import annotations

from collections.abc import Iterable, Iterator

from steadygraph.model import Aspect, Consequence, Evidence, Finding, Kind, Move, Policy
from steadygraph.rule import Example, Rule
from steadygraph_rules.guard_rule import same_but_for_index

_WORKSPACE = """
import torch
from torch import nn

CUDA_GRAPH = True

class Stage(nn.Module):
    def __init__(self):
        super().__init__()
        self.workspace = torch.zeros({capacity}, 2)

    def forward(self, x):
        n = x.shape[0]
        if n > self.workspace.shape[0]:
            self.workspace = torch.zeros(n, 2)
        self.workspace[:n].copy_(2 * x)
        return x + 1

def build():
    return Stage()

def observe(model, out):
    return out, model.workspace[: out.shape[0]].clone()

def profile():
    return (torch.ones(4, 2),), {{}}

def serving():
    return {{
        "long": ((torch.ones(16, 2),), {{}}),
        "short": ((torch.full((4, 2), 5.0),), {{}}),
    }}
"""

_HANDED = """
import torch
from torch import nn

CUDA_GRAPH = True

class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.rows = [torch.zeros({capacity}, 2)]

    def forward(self, *steps):
        out = []
        for x in steps:
            if len(x) > len(self.rows[0]):
                self.rows = [torch.zeros(len(x), 2)]
            rows = self.rows[0][: len(x)].copy_(x)
            torch._dynamo.mark_dynamic(rows, 0)
            out.append(self.layer(rows).clone())
        return out

def build():
    return Runner()

def context(name):
    return torch.no_grad()

def regions(model):
    return [model.layer]

def profile():
    return (torch.ones(8, 2), torch.ones(4, 2)), {{}}

def serving():
    return {{
        "long": ((torch.ones(16, 2),), {{}}),
        "short": ((torch.ones(4, 2),), {{}}),
    }}
"""

_RESULT = """
import torch
from torch import nn

CUDA_GRAPH = True

class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.hidden = torch.zeros(4, 2)

    def forward(self, steps):
        for _ in range(steps):
            self.hidden = self.layer(self.hidden).clone()
        return self.hidden

def build():
    return Runner()

def context(name):
    return torch.no_grad()

def regions(model):
    return [model.layer]

def profile():
    return (2,), {}

def serving():
    return {"again": ((1,), {})}
"""


class BufferRealloc(Rule):
    """A tensor that a captured graph knows by address has moved.

    What it finds:
        Where the deployment captures a CUDA graph (``CUDA_GRAPH = True`` or policy ``cuda-graph``): a tensor of the
        model that the profile graph reads or writes, and that lies at another address before or after a serving call.

    Why it matters:
        The captured graph goes on using the old address.  Its replay reads the old values, or what somebody else has
        put there by now; it writes into memory that is not the tensor's any more, and whoever reads the new tensor
        finds what nobody wrote.  The tensor may be the same object: ``weight.data = new`` and
        ``module.to(dtype)`` move it.

    How to fix it:
        Write into the tensor in place (``weight.copy_(new)``, ``load_state_dict`` without ``assign``) and never replace
        it.  Where it grows, allocate for the worst case before the capture and refuse to grow afterwards; where it has
        to move, capture again.

    Known limits:
        Only tensors that hang on the model are followed, and those in module-level variables that compiled code reads.
        One that the model hands to a region as an argument must have had one address in all of several profile calls.
    """

    code = "SG501"
    name = "buffer-moved"
    kind = Kind.BUFFER_REALLOC
    flagged = (
        Example(
            "a workspace that grows",
            _WORKSPACE.format(capacity=8),
            ("long", "short"),
            ("SG203",),
            fix="Allocate `self.workspace` once before the capture, for the largest call, and write into it in place "
            "(copy_).",
            fixed=(_WORKSPACE.format(capacity=16),),
        ),
        Example(
            "static inputs that grow",
            _HANDED.format(capacity=8),
            ("long", "short"),
            fix="Allocate `rows[0]` once before the capture, for the largest call, and write into it in place (copy_).",
            fixed=(_HANDED.format(capacity=16),),
        ),
    )
    passed = (Example("a result that is an input of the next step", _RESULT),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        replayed = [outcome for outcome in evidence.outcomes if outcome.policy is Policy.CUDA_GRAPH]
        if not replayed:
            return
        wrong = any(outcome.consequence in (Consequence.SILENT_WRONG, Consequence.RAISES) for outcome in replayed)
        for moves in _together(evidence.moved):
            move, *others = moves
            yield self.finding(
                evidence,
                (
                    _moves(move, len(others)),
                    f", and a captured graph goes on using {'their old addresses' if others else 'its old address'}",
                ),
                path=move.path,
                consequence=Consequence.SILENT_WRONG if wrong else Consequence.SLOW,
                fix=_fix(move, evidence),
                region=move.region,
                profile="the captured address",
                serving="another address",
                also=tuple(other.path for other in others),
                says_change=True,
                outcomes=replayed,
            )


def _fix(move: Move, evidence: Evidence) -> str:
    aspects = {guard.aspect for guard in evidence.violated_guards}
    if Aspect.SHAPE in aspects | {one.aspect for one in (*evidence.differences, *evidence.call_differences)}:
        return (
            f"Allocate `{move.path}` once before the capture, for the largest call, and write into it in place (copy_)."
        )
    return f"Write into `{move.path}` in place (copy_) and never put another tensor there."


def _together(moves: Iterable[Move]) -> list[list[Move]]:
    """Entries of a list or a dict that move are one defect."""
    found: dict[object, list[Move]] = {}
    for move in moves:
        found.setdefault((same_but_for_index(move.path), move.region, move.during), []).append(move)
    return list(found.values())


def _moves(move: Move, others: int) -> str:
    tensor = f"tensor `{move.path}` and {others} more" if others else f"tensor `{move.path}`"
    if move.during:
        return f"{tensor} {'move' if others else 'moves'} during this call"
    return f"{tensor} {'have' if others else 'has'} moved since the profile call"
