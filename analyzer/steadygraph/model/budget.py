"""Which guards are worth keeping, what each choice of them costs, and what it protects."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from steadygraph.model.words import PROFILE


@dataclass(frozen=True, slots=True, order=True)
class GuardId:
    """What finds a guard again in another process: its source, its type, and the line that made it.

    A number among others would not do: they change with every line of the model.
    """

    #: Dynamo's own expression (``L['deepstack']``), without addresses; empty for process-wide state and for sizes.
    source: str
    guard_type: str
    #: Name of the file, without its folders.
    file: str = ""
    function: str = ""
    #: The line itself, stripped.
    text: str = ""

    def __str__(self) -> str:
        return f"{self.guard_type} {self.source}".rstrip()


@dataclass(frozen=True, slots=True)
class FrameId:
    """The compiled function that a guard belongs to: the name of its file, and its own."""

    file: str
    function: str


class GuardClass(enum.StrEnum):
    """What guards are about, as somebody decides who knows which calls may come."""

    NONE = "None-ness of inputs"
    STRUCTURE = "containers and types of inputs"
    TENSORS = "tensors of inputs"  # dtype, rank, device, strides, sizes that are fixed
    VALUES = "numbers, flags and texts of inputs"
    SIZES = "sizes"
    MODULE_VALUES = "settings of modules"
    MODULE_TENSORS = "tensors of modules"
    MODULE_HOOKS = "hooks of modules"
    MODULES = "structure of modules"
    GLOBALS = "globals"
    STATE = "process-wide state"


@dataclass(frozen=True, slots=True)
class KeptGuard:
    """A guard that a budget keeps.

    ``frame`` is the compiled function that it belongs to, where that is known.  ``protects`` are the calls that violate
    it; ``made_for`` is the call whose compilation made it: the profile call, or a scenario that is compiled again.
    """

    guard: GuardId
    #: What it asks, in words, and in those of Dynamo.
    says: str
    condition: str = ""
    line: int | None = None
    frame: FrameId | None = None
    protects: tuple[str, ...] = ()
    made_for: str = PROFILE


@dataclass(frozen=True, slots=True)
class GuardSet:
    """Some of the guards of the profile call, and what a call pays for them.

    ``us_per_call`` and ``memory_bytes`` are those of a guard manager that was built from just these; None: not known.
    ``guards`` is None where it is no choice of them: the stance under which entries are told apart only.
    ``protects`` are the scenarios, wrong where guards are dropped, that violate one of them; ``stops`` those that are
    right without guards, and do so too.
    """

    name: str
    guards: int | None
    us_per_call: float | None = None
    memory_bytes: int | None = None
    protects: tuple[str, ...] = ()
    stops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unprotected:
    """A scenario that is wrong where guards are dropped and that no choice of guards makes right, and why."""

    scenario: str
    why: str


@dataclass(frozen=True, slots=True)
class Budget:
    """The guards of the profile call that are worth keeping.

    ``wrong`` are the scenarios that are silently wrong or raise where guards are dropped, and not where they are kept.
    ``sets`` are none of the guards, the kept ones, each class of them, those that torch's own filters leave, and all.
    """

    kept: tuple[KeptGuard, ...]
    #: No choice is smaller than this: fewer than are kept where the search was cut short.
    at_least: int
    wrong: tuple[str, ...] = ()
    unprotected: tuple[Unprotected, ...] = ()
    sets: tuple[GuardSet, ...] = ()
    #: The compiled functions of all calls.
    frames: tuple[FrameId, ...] = ()
    #: Those of them that serving calls alone compiled, after a graph break: all their guards are kept.
    whole: tuple[FrameId, ...] = ()
    #: One-line remarks: what the choice costs beside its price, and what could not be told.
    notes: tuple[str, ...] = ()
