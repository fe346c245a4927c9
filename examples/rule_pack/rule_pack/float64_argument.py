from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, ContainerNode, Evidence, Finding, Kind, Node, TensorNode, TensorSpec
from steadygraph.rule import Example, Rule

_SCALE = """
import torch
from torch import nn

class Scale(nn.Module):
    def forward(self, x, options):
        return x * options["weight"]

def build():
    return Scale()
"""

_FLOAT64 = f"""{_SCALE}
def profile():
    weight = torch.tensor([0.5, 2.0], dtype=torch.float64)
    return (torch.ones(2),), {{"options": {{"weight": weight}}}}

def serving():
    weight = torch.tensor([1.0, 3.0], dtype=torch.float64)
    return {{"again": ((torch.zeros(2),), {{"options": {{"weight": weight}}}})}}
"""

_CONVERTED = _FLOAT64.replace('"weight": weight', '"weight": weight.float()')

_FLOAT32 = f"""{_SCALE}
def profile():
    return (torch.ones(2),), {{"options": {{"weight": torch.ones(2)}}}}

def serving():
    return {{"again": ((torch.zeros(2),), {{"options": {{"weight": torch.ones(2)}}}})}}
"""


class Float64Argument(Rule):
    """An argument in double precision.

    What it finds:
        A tensor of dtype float64 among the arguments of a call, however deep, at profile or at serving.

    Why it matters:
        Everything that is computed with it becomes float64 too: twice the memory, and slow on most GPUs.

    How to fix it:
        Convert it before the call, with ``.float()``; NumPy arrays are float64 unless they are told otherwise.

    Known limits:
        A tensor that the model itself makes is not seen.
    """

    code = "EX101"
    name = "float64-argument"
    kind = Kind.DTYPE
    flagged = (
        Example(
            "a weight in double precision",
            _FLOAT64,
            ("profile", "again"),
            fix="Convert `kwargs['options']['weight']` with .float() before the call.",
            fixed=(_CONVERTED,),
        ),
    )
    passed = (Example("a weight in single precision", _FLOAT32),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        if evidence.call is None:
            return
        for path, spec in tensors(evidence.call):
            if spec.dtype == "torch.float64":
                yield self.finding(
                    evidence,
                    f"argument `{path}` is {spec.dtype}, and so is all that is computed with it",
                    path=path,
                    consequence=Consequence.SLOW,
                    fix=f"Convert `{path}` with .float() before the call.",
                    serving=spec.dtype,
                )


def tensors(node: Node, path: str = "") -> Iterator[tuple[str, TensorSpec]]:
    """Every tensor below a node, with its path."""
    if isinstance(node, TensorNode):
        yield path, node.spec
    elif isinstance(node, ContainerNode):
        for accessor, child in node.children:
            yield from tensors(child, path + accessor)
