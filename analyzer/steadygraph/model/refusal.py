"""What torch.compile refuses in a profile call that eager mode runs."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from steadygraph.model.observation import GraphBreak
from steadygraph.model.words import Failure, Location

#: What the error of an outcome says where torch cannot ask the guards of the profile call, and raises in their place.
NOT_GUARDED = "torch cannot check its guards on these arguments: "


class Waived(enum.StrEnum):
    """What a call is judged without, because torch.compile refuses it with that."""

    FULLGRAPH = "fullgraph=True"
    MARKS = "mark_dynamic"


@dataclass(frozen=True, slots=True)
class BrokenMark:
    """What the code asks of a dimension that is marked as dynamic.

    ``equal`` is what its size has to be (a number, another size); where that is empty, ``condition`` says what has to
    hold of all sizes.
    """

    path: str
    dim: int
    equal: str
    condition: str
    location: Location | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why torch.compile refuses a call: graph breaks or marks, and what it is judged without.

    ``waived`` is None where nothing can be waived: then no call is judged.
    """

    error: Failure
    breaks: tuple[GraphBreak, ...] = ()
    marks: tuple[BrokenMark, ...] = ()
    waived: Waived | None = None
