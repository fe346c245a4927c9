"""Calls that nobody wrote down: each is the profile call with one thing changed."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from steadygraph.model.evidence import Outcome, worst_of
from steadygraph.model.words import Consequence, Failure, Location, Result


class Change(enum.StrEnum):
    """What is changed.  A case names these in ``PROBES``."""

    AGAIN = "again"  # nothing: the profile call once more
    NONE = "none"  # None for a value, or a value for None
    VALUE = "value"  # another number, bool, text or member of an enumeration
    KEYS = "keys"  # of a dict: one less, one more, in another order
    LENGTH = "length"  # of a list
    TYPE = "type"  # a tuple for a list, a tensor for a number
    SIZE = "size"
    RANK = "rank"  # a dimension more or less
    DTYPE = "dtype"
    STRIDE = "stride"
    REQUIRES_GRAD = "requires-grad"
    OBJECT = "object"  # two inputs are one object, or no longer
    DATA = "data"  # other numbers in tensors of the same look
    SETTING = "setting"  # grad mode, autocast, train mode and other state of the process


@dataclass(frozen=True, slots=True)
class Probe:
    """One changed call.

    ``path`` is what is changed, as the model's code calls it (``mask``, ``cache['k']``, ``self.scale``, a setting);
    several are joined by commas.  ``before`` and ``now`` are readable values.
    """

    path: str
    change: Change
    before: str
    now: str

    @property
    def name(self) -> str:
        """What the call is named among the scenarios of a report."""
        return f"{self.path}: {self.before} -> {self.now}" if self.before else f"{self.path}: {self.now}"


@dataclass(frozen=True, slots=True)
class Probed:
    """What became of a changed call.

    ``outcomes`` holds one for each policy that was asked; where guards are dropped, a call that is right there is not
    run under ``recompile``: that a guard does not hold is known by asking it.  ``refused`` is what eager mode says of a
    call that is no valid one; ``ended`` how the process ended in it.
    """

    probe: Probe
    outcomes: tuple[Outcome, ...] = ()
    refused: Failure | None = None
    ended: str | None = None
    #: The first guard of the profile call that the call violates: what it looks at, what it expects and what it sees.
    guard: str = ""
    expected: str = ""
    actual: str = ""
    location: Location | None = None
    #: Does the case say that the deployment makes such calls?
    declared: bool = False

    @property
    def result(self) -> Result | None:
        """The worst of its outcomes; None: it is no valid call."""
        if self.ended is not None:
            return Result.RAISES
        if self.refused is not None or not self.outcomes:
            return None
        worst = worst_of(one.consequence for one in self.outcomes)
        shown = next((one for one in self.outcomes if one.consequence is worst), self.outcomes[0])
        if worst is Consequence.BENIGN:
            unproved = [one for one in self.outcomes if one.result is Result.UNPROVED]
            return Result.UNPROVED if unproved else shown.result
        return shown.predicted if shown.predicted is not None else shown.result


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """All changed calls of one profile call.

    Args:
        probes: In the order in which they were run.
        left: How many were derived and not run, because time or number was used up.
        duration_s: What all of it took, beside what a profile call takes to be compiled.
        beside_s: What trying them took beside the model's own run time; proofs of those that go wrong come on top.
    """

    probes: tuple[Probed, ...]
    left: int = 0
    duration_s: float = 0.0
    beside_s: float = 0.0
