"""Everything seen in one call of one region."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from steadygraph.model.condition import Condition
from steadygraph.model.structure import Aspect, Node, TensorSpec
from steadygraph.model.words import Failure, Location

#: In the place of a module's name: hooks on all modules of the process.
EVERY_MODULE = "*"


@dataclass(frozen=True, slots=True)
class Ambient:
    """Process-wide state at the time of a call, as sorted (name, readable value) pairs."""

    values: tuple[tuple[str, str], ...] = ()
    #: Names of the modules in train mode, sorted ("" is the region itself).
    training: tuple[str, ...] = ()
    #: (name of a module or EVERY_MODULE, kind of hook, names of the functions) where there are some, sorted.
    hooks: tuple[tuple[str, str, str], ...] = ()


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


class Checked(enum.StrEnum):
    """Who looks at a guard when the call is made."""

    BY_POLICY = "as the policy says"  # of a region that the deployment compiles
    ALWAYS = "always"  # of what the model's own code compiles
    NEVER = "never"  # the model's own code drops it, by the options of its torch.compile


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
    #: The size of the dimension at serving.  The stride of one with a single element means nothing.
    size: int | None = None
    #: What the guard asks for.
    condition: Condition = field(default_factory=Condition)
    checked: Checked = Checked.BY_POLICY


#: What Dynamo's sources of module-level variables begin with.
GLOBAL = "G["


@dataclass(frozen=True, slots=True)
class GraphInput:
    """A placeholder of a captured graph and where Dynamo takes its value from."""

    name: str
    source: str
    spec: TensorSpec | None
    #: Which output of a graph of the profile call it is, where that made it; None: none that is known.
    made_at_profile: int | None = None


class NodeKind(enum.StrEnum):
    """What a node of a graph stands for."""

    INPUT = "input"
    CONSTANT = "constant"  # a tensor that the graph holds itself
    CALL = "call"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class GraphNode:
    """One node of a captured graph, as it is drawn and compared.

    ``name`` is the operator of a call, the readable path of an input; ``inputs`` are positions of other nodes in the
    same graph, ``line`` a position in its ``lines``.
    """

    kind: NodeKind
    name: str
    inputs: tuple[int, ...] = ()
    #: dtype and shape of the value, as in ``float32[2, s0, 8]``; empty if it is no tensor.
    value: str = ""
    line: int | None = None
    #: Digests of the graphs that a higher-order operator runs.
    bodies: tuple[str, ...] = ()
    #: Of the operator with its constants, of an input's source and kind, whatever the inputs of the node are; empty if
    #: not known.
    digest: str = ""


@dataclass(frozen=True, slots=True)
class GraphBody:
    """A graph that a higher-order operator of another one runs."""

    digest: str
    nodes: tuple[GraphNode, ...]
    lines: tuple[Location, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """A captured FX graph, reduced to what can be compared.

    ``digest`` does not depend on node or symbol names.  ``ops`` are sorted (operator, count) pairs.
    """

    digest: str
    ops: tuple[tuple[str, int], ...]
    inputs: tuple[GraphInput, ...]
    frame: Location
    #: Lines whose operators, in this graph, may make the host wait.
    blocking: tuple[Location, ...] = ()
    #: In the order in which they run.
    nodes: tuple[GraphNode, ...] = ()
    lines: tuple[Location, ...] = ()
    #: The graphs that its higher-order operators run, and those of their operators, each once.
    bodies: tuple[GraphBody, ...] = ()
    #: What became of the frame's bytecode, as Python; empty if that cannot be told.
    code: str = ""
    #: Positions of nodes that do more than give a value, which later nodes may see: they write to memory, draw
    #: random numbers, or set a mode.
    effects: tuple[int, ...] = ()
    #: What its code calls the module of the region: the front of the names of that module's tensors.
    receiver: str = "self"


class BreakReason(enum.StrEnum):
    """Why Dynamo could not keep one graph."""

    DATA_DEPENDENT_BRANCH = "data-dependent branch"
    DATA_DEPENDENT_OPERATOR = "data-dependent operator"
    UNSUPPORTED_CALL = "unsupported call"
    NO_FAKE_IMPLEMENTATION = "operator without a fake implementation"
    DISABLED_FUNCTION = "function that is excluded from compilation"
    RECOMPILE_LIMIT = "recompile limit reached"
    SKIPPED_FRAME = "frame that is not compiled"
    OTHER = "unsupported construct"


@dataclass(frozen=True, slots=True)
class GraphBreak:
    reason: BreakReason
    #: Dynamo's own words, one line; of an operator its name, ``library::name``.
    detail: str
    location: Location | None
    #: The line of the model that leads there, where what breaks the graph is a decorator's.
    from_model: Location | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    """Something that makes the host wait for the device: what, where, how often in the call.

    ``in_region`` tells whether a compiled region was on the stack.
    """

    operation: str
    location: Location | None
    count: int = 1
    in_region: bool = False
    #: The reason of the ``allow_sync`` block in which it was; None: in none.
    allowed: str | None = None
    #: False: whether the host waits is up to the driver.
    certain: bool = True
    #: The host asks for it in so many words (``torch.cuda.synchronize()``), and not by the way of an operator.
    explicit: bool = False
    #: Did CUDA call something on this line synchronizing, too?  None: it was not asked, or does not tell.
    confirmed: bool | None = None
    #: It is in the way of a capture: nobody may wait for a stream that is being captured.
    fails_capture: bool = False


@dataclass(frozen=True, slots=True)
class SharedCode:
    """Code that the profile call compiled for one region although there was an entry, of that region or of another."""

    location: Location
    #: How many answered the region: where guards are dropped, the first one does so for all.
    entries: int
    #: How many were made although there was one before.
    again: int
    #: Guards of the first entry that the frame of the next one violates.
    told_apart: tuple[ViolatedGuard, ...] = ()


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything seen in one call of one region."""

    region: str
    call: str
    inputs: Node
    ambient: Ambient
    #: The guards made in this call (by the frames that were compiled in it).
    guards: tuple[Guard, ...] = ()
    #: What they ask for: the same for the same guards, also where their texts hold a path that a recording leaves out.
    guards_digest: str = ""
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
    #: (path of an argument, name in the model, address of its memory) of arguments that lie in memory of the model's.
    handed: tuple[tuple[str, str, int], ...] = ()
    #: Guards of the profile call that this call violates.
    violated_guards: tuple[ViolatedGuard, ...] = ()
    #: Code that was compiled again, where this is the profile call.
    shared: tuple[SharedCode, ...] = ()
    output: Node | None = None
    error: Failure | None = None
    #: Lines of the code that ran compiled which ask whether it is: the answer is part of the graph.
    compile_questions: tuple[Location, ...] = ()
