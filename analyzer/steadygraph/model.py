"""The values that every layer speaks: frozen, without tensors, comparable and picklable.

Nothing here imports torch.  An observation can come from anywhere, and knows nothing about who made it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

# --- words -------------------------------------------------------------------------------------


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


class Policy(enum.StrEnum):
    """What a deployment does with guards."""

    RECOMPILE = "recompile"
    DROP = "drop"
    SHAPES_ONLY = "shapes-only"
    CUDA_GRAPH = "cuda-graph"


class Result(enum.StrEnum):
    """What one scenario does under one policy."""

    SAME = "same"
    RECOMPILES = "recompiles"
    SILENT_WRONG = "silent-wrong"
    RAISES = "raises"
    REFUSED = "refused"
    UNPROVED = "unproved"


#: The name under which the warm-up call appears among the scenarios.
PROFILE = "profile"


@dataclass(frozen=True, slots=True)
class Location:
    """A line of source: ``path`` as Python reports it, ``line`` counted from 1, ``text`` the stripped line."""

    path: str
    line: int
    function: str
    text: str | None = None


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


# --- structure: a value with all that Dynamo could look at, without the data ----------------------


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What a tensor looks like.  Sizes are in elements, strides too; a symbolic size is its text."""

    shape: tuple[int | str, ...]
    dtype: str
    device: str
    stride: tuple[int | str, ...]
    requires_grad: bool
    layout: str = "torch.strided"
    subclass: str = "torch.Tensor"


@dataclass(frozen=True, slots=True)
class NoneNode:
    """``None``: a node of its own, because Dynamo burns ``is None`` into the graph."""


@dataclass(frozen=True, slots=True)
class TensorNode:
    spec: TensorSpec


@dataclass(frozen=True, slots=True)
class ValueNode:
    """A Python value that Dynamo may burn in: int, float, bool, str, bytes, enum, dtype, device, slice, ..."""

    type: str
    value: str


@dataclass(frozen=True, slots=True)
class ContainerNode:
    """Anything with parts: dict, list, tuple, dataclass, NamedTuple, pytree node, plain object with attributes.

    ``children`` pairs an accessor, written as Python appends it (``['d0']``, ``[0]``, ``.tensors``), with a node.
    """

    type: str
    children: tuple[tuple[str, Node], ...]


@dataclass(frozen=True, slots=True)
class OpaqueNode:
    """An object that is not opened (a function, a lock, a module): only its type is known."""

    type: str


@dataclass(frozen=True, slots=True)
class CycleNode:
    """A reference back to a container that is being walked; ``to`` is the path of that container."""

    to: str


Node = NoneNode | TensorNode | ValueNode | ContainerNode | OpaqueNode | CycleNode


class Aspect(enum.StrEnum):
    """In what respect two observations differ, or a guard was violated."""

    PRESENCE = "presence"  # there is a value at this path in one run only
    NONE = "none"  # None in one run, something else in the other
    TYPE = "type"
    LENGTH = "length"
    KEYS = "keys"
    VALUE = "value"
    RANK = "rank"
    SHAPE = "shape"
    DTYPE = "dtype"
    DEVICE = "device"
    STRIDE = "stride"
    REQUIRES_GRAD = "requires_grad"
    LAYOUT = "layout"
    SUBCLASS = "subclass"
    IDENTITY = "identity"  # another object of the same type
    ALIASING = "aliasing"  # two inputs share memory in one run only
    AMBIENT = "ambient"  # process-wide state: grad mode, autocast, threads, ...
    ADDRESS = "address"  # the same tensor lies elsewhere
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same in two observations.

    ``path`` is written as Python reads it from the call: ``kwargs['deepstack'].tensors['d0'].dtype``, or
    ``ambient.grad_mode``.  ``profile`` and ``serving`` are readable values.
    """

    path: str
    aspect: Aspect
    profile: str
    serving: str
    region: str = ""


# --- observation: everything seen in one call of one region ---------------------------------------


@dataclass(frozen=True, slots=True)
class Ambient:
    """Process-wide state at the time of a call, as sorted (name, readable value) pairs."""

    values: tuple[tuple[str, str], ...] = ()
    #: Names of the modules in train mode, sorted ("" is the region itself).
    training: tuple[str, ...] = ()


class Owner(enum.StrEnum):
    """Who holds the value that a guard looks at."""

    ARGUMENT = "argument"  # reached from an argument of the region's forward
    MODULE = "module"  # an attribute of an nn.Module
    OBJECT = "object"  # held by a plain object, dict or list that hangs on a module
    GLOBAL = "global"  # a module-level name of the model's code, or a closure
    AMBIENT = "ambient"  # process-wide state


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard that Dynamo made, before any filter.

    ``source`` is Dynamo's own expression (``L['deepstack']``); ``expressions`` are its conditions, with the
    addresses of objects removed.
    """

    source: str
    guard_type: str
    expressions: tuple[str, ...]
    location: Location | None


@dataclass(frozen=True, slots=True)
class ViolatedGuard:
    """A guard of the profile call that a serving call does not satisfy."""

    source: str
    #: The same thing in the words of the user: ``kwargs['deepstack']``, ``self.step_count``.
    path: str
    guard_type: str
    aspect: Aspect
    owner: Owner
    expected: str
    actual: str
    location: Location | None
    #: Type names of the value at profile and at serving ("int", "NoneType", "torch.Tensor").
    expected_type: str = ""
    actual_type: str = ""
    #: Which dimension, for sizes and strides.
    dim: int | None = None
    #: Does the graph captured for the serving call differ from the profile graph?  None: not known.
    matters: bool | None = None
    region: str = ""
    #: The function whose frame made the guard, where that is not the region's forward as it was called: one that goes
    #: on after a graph break, or is compiled on its own because its caller is not.
    frame: str = ""
    #: An equality of sizes that the code asks for (a branch, a broadcast), not one that held by chance (duck shaping).
    intended: bool = False
    #: The size of the dimension at serving.  The stride of one with a single element means nothing.
    size: int | None = None

    @property
    def is_none_check(self) -> bool:
        return self.aspect is Aspect.NONE


#: What Dynamo's sources of module-level variables begin with.
GLOBAL = "G["


@dataclass(frozen=True, slots=True)
class GraphInput:
    """A placeholder of a captured graph and where Dynamo takes its value from."""

    name: str
    source: str
    spec: TensorSpec | None


@dataclass(frozen=True, slots=True)
class Graph:
    """A captured FX graph, reduced to what can be compared.

    ``digest`` does not depend on node or symbol names.  ``ops`` are sorted (operator, count) pairs.
    """

    digest: str
    ops: tuple[tuple[str, int], ...]
    inputs: tuple[GraphInput, ...]
    frame: Location
    #: Lines whose operators, in this graph, make the host wait.
    blocking: tuple[Location, ...] = ()


class BreakReason(enum.StrEnum):
    """Why Dynamo could not keep one graph."""

    DATA_DEPENDENT_BRANCH = "data-dependent branch"
    DATA_DEPENDENT_OPERATOR = "data-dependent operator"
    UNSUPPORTED_CALL = "unsupported call"
    DISABLED_FUNCTION = "function that is excluded from compilation"
    RECOMPILE_LIMIT = "recompile limit reached"
    SKIPPED_FRAME = "frame that is not compiled"
    OTHER = "unsupported construct"


@dataclass(frozen=True, slots=True)
class GraphBreak:
    reason: BreakReason
    #: Dynamo's own words, one line.
    detail: str
    location: Location | None


@dataclass(frozen=True, slots=True)
class Sync:
    """Something that makes the host wait for values of a tensor: what, where, how often in the call.

    ``in_region`` tells whether a compiled region was on the stack.
    """

    operation: str
    location: Location | None
    count: int = 1
    in_region: bool = False


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything seen in one call of one region."""

    region: str
    call: str
    inputs: Node
    ambient: Ambient
    #: The guards made in this call (by the frames that were compiled in it).
    guards: tuple[Guard, ...] = ()
    #: The graphs that ran, in the order in which they ran.
    graphs: tuple[Graph, ...] = ()
    #: How many frames were compiled that had been compiled before, and for the first time.
    recompiles: int = 0
    first_compiles: int = 0
    breaks: tuple[GraphBreak, ...] = ()
    #: (name, address in memory) of the module's tensors, sorted by name.
    addresses: tuple[tuple[str, int], ...] = ()
    #: The same when the call had ended.
    addresses_after: tuple[tuple[str, int], ...] = ()
    #: Guards of the profile call that this call violates.
    violated_guards: tuple[ViolatedGuard, ...] = ()
    output: Node | None = None
    error: Failure | None = None


# --- comparison and proof ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GraphChange:
    """How the graphs of a serving call differ from those of the profile call.

    ``same`` is None if no graph is known for one side.  ``missing`` is what the profile graphs lack, ``extra`` what
    only they have.  Inputs are readable paths; ops are sorted (operator, count) pairs.
    """

    same: bool | None = None
    missing_inputs: tuple[str, ...] = ()
    missing_ops: tuple[tuple[str, int], ...] = ()
    extra_ops: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Leak:
    """What an earlier request did to this one: the result on a fresh model is another.

    ``attributes`` are those of the model that differ from a fresh model's before the call.
    """

    attributes: tuple[str, ...]
    detail: str
    max_abs_error: float | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """A tensor of the model that lies elsewhere than in the profile call, before or during this call."""

    path: str
    during: bool
    region: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scenario did under one policy, proved by running it.

    ``predicted`` is what is to be expected where the run could not show it, ``max_abs_error`` the largest absolute
    difference to eager mode over all floating outputs.
    """

    policy: Policy
    backend: str
    result: Result
    max_abs_error: float | None = None
    recompiles: int | None = None
    error: str | None = None
    predicted: Result | None = None


@dataclass(frozen=True, slots=True)
class Region:
    """A compiled module: its name in the model ("" for the model itself), where its forward stands, and its guards."""

    name: str
    location: Location | None
    guards: int = 0
    graphs: int = 0
    graph_breaks: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that is known about one scenario: what rules look at.

    The scenario may be the profile call itself (``scenario == PROFILE``): then nothing differs, and only what is
    wrong in a single call (graph breaks) can be found.
    """

    scenario: str
    regions: tuple[Region, ...]
    profile: tuple[Observation, ...]
    serving: tuple[Observation, ...]
    differences: tuple[Difference, ...] = ()
    violated_guards: tuple[ViolatedGuard, ...] = ()
    graph: GraphChange = field(default_factory=GraphChange)
    outcomes: tuple[Outcome, ...] = ()
    #: What eager mode itself raised in this scenario.
    eager_error: Failure | None = None
    #: The arguments of the whole call, at profile and in this scenario.
    profile_call: Node | None = None
    call: Node | None = None
    #: How those two differ: all there is to see where eager mode raises before any region runs.
    call_differences: tuple[Difference, ...] = ()
    #: What blocks the host in eager mode, inside and outside of the regions.
    profile_syncs: tuple[Sync, ...] = ()
    syncs: tuple[Sync, ...] = ()
    #: Operands, or sides of a comparison, on devices that are not the same, in eager mode.
    profile_mismatches: tuple[DeviceMismatch, ...] = ()
    mismatches: tuple[DeviceMismatch, ...] = ()
    #: A case of independent requests: what leaked from earlier ones.
    leak: Leak | None = None
    #: Tensors that a captured graph would have recorded by address and that have moved.
    moved: tuple[Move, ...] = ()

    @property
    def worst(self) -> Consequence:
        """The worst consequence over all outcomes, proved or predicted."""
        results = {r for o in self.outcomes for r in (o.result, o.predicted) if r is not None}
        if Result.SILENT_WRONG in results:
            return Consequence.SILENT_WRONG
        if Result.RAISES in results:
            return Consequence.RAISES
        if Result.RECOMPILES in results or Result.REFUSED in results:
            return Consequence.RECOMPILES
        return Consequence.BENIGN


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one scenario."""

    rule: str
    name: str
    kind: Kind
    severity: Severity
    scenario: str
    region: str
    consequence: Consequence
    #: One sentence: what, before and now.
    message: str
    location: Location | None
    fix: str
    #: Stable over runs and moved lines: rests on rule, scenario, region and cause.
    fingerprint: str
    #: What the finding is about (``kwargs['deepstack']``), and its value before and now.
    path: str = ""
    profile: str = ""
    serving: str = ""
    #: Paths of the other violated guards that are the same defect.
    also: tuple[str, ...] = ()
    #: Why the case accepts this finding; None: it does not.
    allowed: str | None = None


# --- report -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case has no result."""

    type: str
    message: str
    hint: str | None = None


class Status(enum.StrEnum):
    COMPLETED = "completed"
    FAILED = "failed"
    TIMED_OUT = "timed-out"


@dataclass(frozen=True, slots=True)
class ScenarioReport:
    name: str
    differences: tuple[Difference, ...] = ()
    violated_guards: tuple[ViolatedGuard, ...] = ()
    graph: GraphChange = field(default_factory=GraphChange)
    outcomes: tuple[Outcome, ...] = ()
    eager_error: Failure | None = None


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A rule that failed, or a pack of rules that cannot be used: the report lacks what it would have found.

    ``rule`` is the code of the rule, or the entry point of the pack.  ``selected`` tells whether it was asked for.
    """

    rule: str
    message: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class CaseReport:
    target: str
    status: Status
    duration_s: float
    error: Problem | None = None
    regions: tuple[Region, ...] = ()
    scenarios: tuple[ScenarioReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: One-line remarks about what the analysis could not do.
    notes: tuple[str, ...] = ()
    #: Rules that are missing from the findings; ``notes`` names them too.
    rule_problems: tuple[RuleProblem, ...] = ()
