"""The words of the analysis, and places in source code."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """How loud a finding is, loudest first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Consequence(enum.StrEnum):
    """Why anybody should care, worst first."""

    SILENT_WRONG = "silent-wrong"
    RAISES = "raises"
    RECOMPILES = "recompiles"
    SLOW = "slow"
    BENIGN = "benign"

    @property
    def severity(self) -> Severity:
        return _SEVERITY[self]

    @property
    def shows_in_outcomes(self) -> bool:
        """Does it show when a policy is tried?  The others follow from the rule, and its message says all there is."""
        return self not in (Consequence.SLOW, Consequence.BENIGN)


_SEVERITY = {
    Consequence.SILENT_WRONG: Severity.ERROR,
    Consequence.RAISES: Severity.ERROR,
    Consequence.RECOMPILES: Severity.WARNING,
    Consequence.SLOW: Severity.WARNING,
    Consequence.BENIGN: Severity.NOTE,
}


class Kind(enum.StrEnum):
    """What went wrong, most specific word."""

    INPUT_STRUCTURE = "input-structure"
    SPECIALIZATION_INT = "specialization-int"
    SPECIALIZATION_FLOAT = "specialization-float"
    SPECIALIZATION_SHAPE = "specialization-shape"
    SPECIALIZATION_01 = "specialization-01"
    SPECIALIZATION_DUCK = "specialization-duck"
    DTYPE = "dtype"
    STRIDE = "stride"
    REQUIRES_GRAD = "requires-grad"
    MODULE_ATTRIBUTE = "module-attribute"
    OBJECT_IDENTITY = "object-identity"
    GLOBAL_STATE = "global-state"
    MISSING_GUARD = "missing-guard"
    GRAPH_BREAK = "graph-break"
    HOST_SYNC = "host-sync"
    DEVICE_MISMATCH = "device-mismatch"
    PADDED_VS_VALID = "padded-vs-valid"
    STALE_STATE = "stale-state"
    BUFFER_REALLOC = "buffer-realloc"
    SERVING_ERROR = "serving-error"
    REPEATED_COMPILATION = "repeated-compilation"
    NON_FINITE = "non-finite"


class Policy(enum.StrEnum):
    """What a deployment does with guards."""

    RECOMPILE = "recompile"
    DROP = "drop"
    SHAPES_ONLY = "shapes-only"
    CUDA_GRAPH = "cuda-graph"
    #: The guards of a budget are kept, and one that is violated recompiles.
    BUDGET = "budget"
    #: Torch's own ways to have fewer guards, by their names there; what is left and violated recompiles.
    SKIP_INBUILT_MODULES = "skip_guard_on_inbuilt_nn_modules_unsafe"
    SKIP_ALL_MODULES = "skip_guard_on_all_nn_modules_unsafe"
    SKIP_GLOBALS = "skip_guard_on_globals_unsafe"
    KEEP_TENSORS = "keep_tensor_guards_unsafe"
    KEEP_PORTABLE = "keep_portable_guards_unsafe"
    SKIP_ALL = "skip_all_guards_unsafe"
    SKIP_GUARD_EVAL = "skip_guard_eval_unsafe"


class Result(enum.StrEnum):
    """What one scenario does under one policy."""

    SAME = "same"
    RECOMPILES = "recompiles"
    SILENT_WRONG = "silent-wrong"
    RAISES = "raises"
    REFUSED = "refused"
    UNPROVED = "unproved"


class Uncompiled(enum.StrEnum):
    """Why the profile call compiled nothing of a region, and no graph break is the reason."""

    #: No call reached it.
    UNREACHED = "unreached"
    DISPATCH_MODE = "dispatch-mode"
    #: Dynamo was not asked: by a stance, the environment, its configuration.
    SWITCHED_OFF = "switched-off"
    NO_OPERATION = "no-operation"


#: The name under which the warm-up call appears among the scenarios.
PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Location:
    """A line of source: ``path`` as Python reports it, ``line`` counted from 1, ``text`` the stripped line."""

    path: str
    line: int
    function: str
    text: str | None = None
    #: The file is not the project's own (an installed package, a file elsewhere); known once the path is relative.
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """An exception of the analysed code: class name, message, and the innermost line of user code."""

    type: str
    message: str
    location: Location | None = None

    def __str__(self) -> str:
        return f"{self.type}: {self.message}" if self.message else self.type


@dataclass(frozen=True, slots=True)
class DeviceMismatch:
    """Devices that met and are not the same: operands of an operator, or the two sides of a comparison.

    ``operands`` pairs names with devices.  ``odd`` is the operand that is not on the device of the others, and
    ``created`` the line that made it.
    """

    operation: str
    operands: tuple[tuple[str, str], ...]
    location: Location | None
    odd: str = ""
    created: Location | None = None
