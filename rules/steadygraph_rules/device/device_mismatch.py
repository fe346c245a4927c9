from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Consequence, DeviceMismatch, Evidence, Finding, Kind, Location
from steadygraph.rule import Example, Message, Rule
from steadygraph_rules.device.mismatch import EQUALITY, blamed_for_error, is_comparison
from steadygraph_rules.guard_rule import LONGEST_ERROR, shortened

_EMBEDDING = """
import torch
from torch import nn

DEVICE = "cuda"

class Text(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(8, 4, device=DEVICE)

    def forward(self, x, ids=None):
        if ids is None:
            return x * 2
        ids = torch.arange(ids{device})
        return x + self.embedding(ids)

def build():
    return Text()

def profile():
    return (torch.ones(3, 4, device=DEVICE),), {{}}

def serving():
    x = torch.ones(3, 4, device=DEVICE)
    return {{"image": ((x,), {{}}), "video": ((x, 3), {{}})}}
"""

_SCRATCH = """
import torch
from torch import nn

DEVICE = "cuda"

class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.rows = torch.zeros(8, 4, device=DEVICE)
        self.device = {device}

    def forward(self, x, routed=False):
        if routed:
            assert x.device == self.device
            return x + self.rows
        return x * 2

def build():
    return Experts()

def profile():
    return (torch.ones(8, 4, device=DEVICE),), {{}}

def serving():
    x = torch.ones(8, 4, device=DEVICE)
    return {{"dense": ((x,), {{}}), "routed": ((x, True), {{}})}}
"""


class DeviceMismatchRule(Rule):
    """Devices that are not the same meet.

    What it finds:
        A serving call that raises because operands of one operator are on different devices, with the line that made
        the odd one; and a comparison, or a look-up in a cache, of a device without an index with one that has an index:
        ``cuda`` is not ``cuda:0``.  A condition that allows for both forms is nothing to report.

    Why it matters:
        The profile run never came to this line: the first such request takes the server down.  A comparison that can
        never be true raises, or allocates anew in every call.

    How to fix it:
        Create tensors on the device of an input (``device=x.device``); read a device back from a tensor that was
        allocated with it before it is compared with others.

    Known limits:
        The line that made a tensor is known on a simulated device only.  Comparisons are seen in eager mode, and where
        both sides can be told without calling code of the model; caches are dicts, sets, lists, and functions under
        ``functools.cache``.
    """

    code = "SG701"
    name = "device-mismatch"
    kind = Kind.DEVICE_MISMATCH
    flagged = (
        Example(
            "ids made on the CPU",
            _EMBEDDING.format(device=""),
            ("video",),
            ("SG101",),
            fix="Create the tensor on the device of the others: device=x.device.",
            fixed=(_EMBEDDING.format(device=", device=x.device"),),
        ),
        Example(
            "a configured device is compared",
            _SCRATCH.format(device="torch.device(DEVICE)"),
            ("routed",),
            ("SG103", "SG401"),
            fix="Take the device from a tensor that was allocated with it: tensor.device has the index.",
            fixed=(_SCRATCH.format(device="self.rows.device"),),
        ),
    )
    passed = (Example("a device with its index is compared", _SCRATCH.format(device='torch.device("cuda:0")')),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        blamed = blamed_for_error(evidence)
        if blamed is not None:
            yield self._raises(evidence, blamed)
        for mismatch in evidence.mismatches:
            if is_comparison(mismatch) and mismatch is not blamed:
                yield self._never_true(evidence, mismatch)

    def _raises(self, evidence: Evidence, mismatch: DeviceMismatch) -> Finding:
        error = evidence.eager_error
        assert error is not None
        if is_comparison(mismatch):
            told = (*_compared(mismatch), f"; eager mode raises {shortened(str(error), LONGEST_ERROR)}")
            return self._found(evidence, told, mismatch, Consequence.RAISES, says_error=str(error))
        where = mismatch.location if mismatch.operands else error.location
        operands = ", ".join(f"{name} on {device}" for name, device in mismatch.operands)
        what = f"{mismatch.operation} gets {operands}" if operands else shortened(error.message, LONGEST_ERROR)
        made = f"; {_place(mismatch.created)} made `{mismatch.odd}`" if mismatch.created else ""
        message = f"{what}{_at(where)}", made, f", and eager mode raises {error.type}"
        return self._found(evidence, message, mismatch, Consequence.RAISES)

    def _never_true(self, evidence: Evidence, mismatch: DeviceMismatch) -> Finding:
        *clauses, last = _compared(mismatch)
        message = (*clauses, f"{last}, so this goes the same way in every call")
        return self._found(evidence, message, mismatch, Consequence.SLOW)

    def _found(
        self,
        evidence: Evidence,
        message: Message,
        mismatch: DeviceMismatch,
        consequence: Consequence,
        says_error: str | None = None,
    ) -> Finding:
        location = mismatch.created or mismatch.location
        compared = is_comparison(mismatch)
        return self.finding(
            evidence,
            message,
            path=f"{mismatch.operation} {location.text}" if location and location.text else mismatch.operation,
            consequence=consequence,
            fix=_COMPARE if compared else _CREATE,
            location=location,
            says_error=says_error,
        )


_CREATE = "Create the tensor on the device of the others: device=x.device."
_COMPARE = "Take the device from a tensor that was allocated with it: tensor.device has the index."


def _compared(mismatch: DeviceMismatch) -> tuple[str, str]:
    (left, before), (right, now) = mismatch.operands
    if mismatch.operation in EQUALITY:
        return f"`{left}` is {before} and `{right}` is {now}", ", which are never equal"
    return f"`{left}` is {before} and {right} is {now}", ": the look-up never finds it"


def _place(location: Location) -> str:
    return f"line {location.line} in `{location.function}`"


def _at(location: Location | None) -> str:
    return f" at {_place(location)}" if location else ""
