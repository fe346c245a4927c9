from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, Evidence, Finding, Kind, Policy, Result
from steadygraph.rule import Example, Rule

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


class BufferRealloc(Rule):
    """A tensor that a captured graph knows by address has moved.

    What it finds:
        Where the deployment captures a CUDA graph (``CUDA_GRAPH = True`` or policy ``cuda-graph``): a tensor of the
        model that the profile graph reads or writes, and that lies at another address before or after a serving call.

    Why it matters:
        The captured graph goes on using the old address.  Its replay writes into memory that belongs to somebody else
        by now, and whoever reads the new tensor finds what nobody wrote.

    How to fix it:
        Allocate for the worst case before the capture and refuse to grow afterwards.

    Known limits:
        Only tensors that hang on the model are followed, and those in module-level variables that compiled code reads.
    """

    code = "SG501"
    name = "buffer-moved"
    kind = Kind.BUFFER_REALLOC
    flagged = (Example("a workspace that grows", _WORKSPACE.format(capacity=8), ("long", "short"), ("SG203",)),)
    passed = (Example("a workspace of the largest size", _WORKSPACE.format(capacity=16)),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        replayed = [outcome for outcome in evidence.outcomes if outcome.policy is Policy.CUDA_GRAPH]
        if not replayed:
            return
        wrong = any(outcome.result in (Result.SILENT_WRONG, Result.RAISES) for outcome in replayed)
        for move in evidence.moved:
            when = "moves during this call" if move.during else "has moved since the profile call"
            yield self.finding(
                evidence,
                f"tensor `{move.path}` {when}, and a captured graph goes on using its old address",
                cause=move.path,
                consequence=Consequence.SILENT_WRONG if wrong else Consequence.SLOW,
                fix=f"Allocate `{move.path}` for the largest call before the capture, and refuse to grow it later.",
                region=move.region,
                profile="the captured address",
                serving="another address",
            )
