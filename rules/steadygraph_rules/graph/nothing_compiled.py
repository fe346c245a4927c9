from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind, Region, Uncompiled
from steadygraph.rule import Example, Message, Rule, spread

_FIXES = {
    Uncompiled.UNREACHED: "Return from regions() the modules that the calls run, or add a call that runs this one.",
    Uncompiled.DISPATCH_MODE: (
        "Leave the mode outside of the compiled region, or let its class method ignore_compile_internals() return True."
    ),
    Uncompiled.SWITCHED_OFF: (
        'Switch torch.compile on around the calls: no torch.compiler.set_stance("force_eager"), no TORCHDYNAMO_DISABLE.'
    ),
    Uncompiled.NO_OPERATION: "Let the profile call do the work of a serving call.",
}

_MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.used, self.unused = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x, bias=None):
        y = self.used(x)
        return y if bias is None else y + bias

def build():
    return Net()

def profile():
    return (torch.ones(2, 4),), {}

def serving():
    return {"again": ((torch.ones(2, 4),), {})}
"""
_UNUSED = (
    _MODEL
    + """
def regions(model):
    return [model.unused]
"""
)
_STANCE = (
    _MODEL
    + """
def context(name):
    return torch.compiler.set_stance("force_eager")
"""
)
_USED = (
    _MODEL
    + """
def regions(model):
    return [model.used]
"""
)


_OVERLAPPING = (
    _MODEL
    + """
def regions(model):
    return [model, model.used]
"""
)


class NothingCompiled(Rule):
    """A region of which nothing was compiled, so that nothing is proved about it.

    What it finds:
        Regions whose ``forward`` no call reaches, and regions for which the profile call compiled nothing although it
        reached them: a ``TorchDispatchMode`` is active, or ``torch.compile`` is switched off.  A ``forward`` that does
        no tensor operation at profile is a note.

    Why it matters:
        Such a region runs as plain Python under every policy.  All results are equal to eager mode, and none of them
        says anything about the deployment.

    How to fix it:
        Name the modules that the calls run in ``regions()``, make the profile call as serving makes its calls, and
        leave ``torch.compile`` on.

    Known limits:
        Why a frame was given up on is told by ``graph-break``.  A region inside of another one counts as reached if
        that one was compiled.
    """

    code = "SG403"
    name = "nothing-compiled"
    kind = Kind.GRAPH_BREAK
    flagged = (
        Example(
            "a region that no call reaches",
            _UNUSED,
            (PROFILE,),
            fix="Return from regions() the modules that the calls run, or add a call that runs this one.",
            fixed=(_USED,),
        ),
        Example(
            "torch.compile switched off",
            _STANCE,
            (PROFILE,),
            fix='Switch torch.compile on around the calls: no torch.compiler.set_stance("force_eager"), no '
            "TORCHDYNAMO_DISABLE.",
            fixed=(_MODEL,),
        ),
    )
    passed = (Example("one of the regions is the model itself", _OVERLAPPING),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        if evidence.scenario != PROFILE:
            return
        for why in Uncompiled:
            regions = [region for region in evidence.regions if region.uncompiled is why]
            if regions:
                yield self.finding(
                    evidence,
                    spread(_message(regions[0], why), len(regions)),
                    path=why,
                    consequence=Consequence.BENIGN if why is Uncompiled.NO_OPERATION else Consequence.SLOW,
                    fix=_FIXES[why],
                    location=regions[0].location,
                    region=regions[0].name,
                )


def _message(region: Region, why: Uncompiled) -> Message:
    what = f"region `{region.name}`" if region.name else "the model"
    if why is Uncompiled.UNREACHED:
        return f"no call runs `forward` of {what}", ": nothing of it is compiled, and nothing is proved"
    reason = {
        Uncompiled.DISPATCH_MODE: "Dynamo leaves every frame alone under a TorchDispatchMode",
        Uncompiled.SWITCHED_OFF: "torch.compile is switched off around it",
        Uncompiled.NO_OPERATION: "its `forward` does no tensor operation there, and Dynamo leaves such a frame alone",
    }[why]
    proved = "" if why is Uncompiled.NO_OPERATION else ": nothing is proved"
    return f"the profile call compiles nothing of {what}", f", since {reason}", proved
