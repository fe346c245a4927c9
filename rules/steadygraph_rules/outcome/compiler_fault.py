from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from steadygraph.model import CompilerFault, Consequence, Evidence, Finding, Kind, Outcome, Policy
from steadygraph.rule import Example, Rule
from steadygraph_rules.blame import of_the_compiler
from steadygraph_rules.guard_rule import LONGEST_ERROR, differs, shortened

_MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def forward(self, x):
        rows = x.clone()
        window = rows.VIEW
        window.add_(1.0)
        return window

def build():
    return Net()

def profile():
    return (torch.arange(40.0).reshape(2, 2, 10),), {}

def serving():
    return {"again": ((torch.arange(40.0).reshape(2, 2, 10) + 1,), {})}
"""

#: pytorch#174371: wrong on torch 2.13 with aot_eager and inductor.
_OVERLAPPING_VIEW = _MODEL.replace("VIEW", "as_strided((2, 2), (1, 1), 0)")
_OUTSIDE = _OVERLAPPING_VIEW.replace("window.add_(1.0)", "add_one(window)").replace(
    "class Net", "@torch.compiler.disable\ndef add_one(window):\n    window.add_(1.0)\n\nclass Net"
)
_PLAIN_VIEW = _MODEL.replace("VIEW", "view(4, 10)[:2, :2]")

_WHERE = {
    "Dynamo": "Dynamo captures a graph that computes something else",
    "AOTAutograd": "Dynamo's graph is right, and AOTAutograd makes another one of it",
    "inductor": "the graphs of Dynamo and AOTAutograd are right, and inductor's kernels are not",
}


class CompilerFaultRule(Rule):
    """A call that torch.compile gets wrong by itself.

    What it finds:
        A call, also the profile call, whose compiled result differs from eager mode, or that raises where eager mode
        does not, although guards are kept, and that is wrong as well when it is compiled alone, for this call.

    Why it matters:
        No warm-up and no guard helps: nothing about the calls differs, the compiler is at fault.

    How to fix it:
        Keep the line that is named out of the graph, in a function under ``torch.compiler.disable``, or write it in
        another way; and report it: ``steadygraph analyze --write-repro FILE`` writes a program that shows it.

    Known limits:
        The operator is the first whose value differs in the graph as it is cut off there; where a back end is right
        about every such piece, none is named.
    """

    code = "SG902"
    name = "compiler-fault"
    kind = Kind.MISSING_GUARD
    flagged = (
        Example(
            "a write to a view that overlaps itself",
            _OVERLAPPING_VIEW,
            ("profile", "again"),
            fix="Keep this line out of the graph (torch.compiler.disable on a function around it), and report it with "
            "the program that --write-repro FILE writes.",
            fixed=(_OUTSIDE,),
            also=("SG401",),  # the graph breaks there, on purpose
        ),
    )
    passed = (Example("a write to a view that does not", _PLAIN_VIEW),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        fault = evidence.fault
        if fault is None:
            return
        bad = (Consequence.SILENT_WRONG, Consequence.RAISES)
        shown = [outcome for outcome in of_the_compiler(evidence) if outcome.consequence in bad]
        if not shown:
            return
        first = next((one for one in shown if one.policy is Policy.RECOMPILE), shown[0])
        found = self.finding(
            evidence,
            (
                f"compiled for this very call, it {_does(first)}",
                f": {_WHERE.get(fault.part, fault.part)}",
                f"; the first value that differs is that of `{fault.operator}`" if fault.operator else "",
            ),
            path=f"{fault.part}: {fault.operator}",
            consequence=min((outcome.consequence for outcome in shown), key=bad.index),
            outcomes=shown,
            fix=_fix(fault),
            location=fault.location,
            says_error=first.error if first.consequence is Consequence.RAISES else None,
        )
        # How the graph differs from that of the profile call is not why it is wrong.
        yield replace(found, lacks=None)


def _does(outcome: Outcome) -> str:
    if outcome.consequence is Consequence.RAISES:
        return f"raises where eager mode does not ({shortened(outcome.error or '', LONGEST_ERROR)})"
    error = "" if outcome.max_abs_error is None else f" by up to {outcome.max_abs_error:.3g}"
    return differs(outcome) if outcome.effect == outcome.error else f"differs from eager mode{error}"


def _fix(fault: CompilerFault) -> str:
    what = "this line" if fault.location else "what is computed wrongly"
    report = "" if fault.backend == "eager" else " with the program that --write-repro FILE writes"
    return f"Keep {what} out of the graph (torch.compiler.disable on a function around it), and report it{report}."
