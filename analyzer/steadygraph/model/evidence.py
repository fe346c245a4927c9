"""What is known about a scenario when two calls were compared and policies were proved; what rules say of it."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from steadygraph.model.observation import Observation, Sync, ViolatedGuard
from steadygraph.model.refusal import Refusal
from steadygraph.model.structure import Difference, Node
from steadygraph.model.words import (
    Consequence,
    DeviceMismatch,
    Failure,
    Kind,
    Location,
    Policy,
    Result,
    Severity,
    Uncompiled,
)


@dataclass(frozen=True, slots=True)
class GraphOutput:
    """One of the values that a graph returns.

    ``position`` counts them from 0, each once; ``value`` is dtype and shape, empty if it is no tensor.
    """

    position: int
    value: str


@dataclass(frozen=True, slots=True)
class Reach:
    """Which of the values that the graph of a serving call returns are not what the profile graph would return there.

    They depend on nodes that the profile graph lacks, or it returns something else in their place.
    """

    #: How many values the graph returns.
    outputs: int
    reached: tuple[GraphOutput, ...]


@dataclass(frozen=True, slots=True)
class GraphChange:
    """How the graphs of a serving call differ from those of the profile call.

    ``same`` is None if no graph is known for one side.  ``missing`` is what the profile graphs lack, ``extra`` what
    only they have.  Inputs are readable paths; ops are sorted (operator, count) pairs.  ``reach`` is None if the graphs
    are the same, and where it is not known: of a call that runs several graphs, which Python code connects.
    ``recomputes``: the profile graphs return the same for the same inputs, and compute more than is needed.
    """

    same: bool | None = None
    missing_inputs: tuple[str, ...] = ()
    missing_ops: tuple[tuple[str, int], ...] = ()
    extra_ops: tuple[tuple[str, int], ...] = ()
    reach: Reach | None = None
    recomputes: bool = False


@dataclass(frozen=True, slots=True)
class Leak:
    """What an earlier request did to this one: the result on a fresh model is another.

    ``attributes`` are those of the model that differ from a fresh model's before the call.
    """

    attributes: tuple[str, ...]
    detail: str
    max_abs_error: float | None = None


@dataclass(frozen=True, slots=True)
class WrongInEager:
    """What eager mode gives is not what the case's reference says that the call must return."""

    detail: str
    max_abs_error: float | None = None


@dataclass(frozen=True, slots=True)
class NonFinite:
    """Values in the result of eager mode that are no numbers, where the profile call has none of their kind.

    ``value`` is ``nan`` or ``inf`` (of either sign); ``count`` of the ``total`` elements at ``path`` are such.
    ``operator`` is the first that made it out of values without it, at ``location``; where none did, ``source`` names
    the argument or the attribute of the model that it came in with.  Both are empty if neither is known.
    """

    path: str
    value: str
    count: int
    total: int
    operator: str = ""
    location: Location | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """A tensor of the model that lies elsewhere than in the profile call, before or during this call."""

    path: str
    during: bool
    region: str = ""


@dataclass(frozen=True, slots=True)
class CompilerFault:
    """A call that torch.compile gets wrong even when it compiles it by itself, so that no guard can be to blame.

    ``part`` is Dynamo, AOTAutograd or inductor, ``backend`` the first back end that is wrong.  ``operator`` is the one
    whose value is the first that differs in a graph, and ``location`` its line; empty and None if that is not known.
    """

    part: str
    backend: str
    operator: str = ""
    location: Location | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one scenario did under one policy, proved by running it.

    ``predicted`` is what is to be expected where the run could not show it, ``max_abs_error`` the largest absolute
    difference to eager mode over all floating outputs and what was left behind.

    ``effect`` says what the call left behind otherwise than eager mode (in an argument, in the model).

    A bad outcome may have a cause outside of its call: ``since`` says which place an earlier call, under the same
    policy, left otherwise than eager mode; without that the call is right.  ``as_eager`` says that eager mode does the
    same after the same calls, and that a fresh model, or the case's reference, shows it to be wrong.

    ``compiled_branch`` are lines that ask whether they are being compiled: eager mode does the same as the compiled
    call where it gets the same answer there.
    """

    policy: Policy
    backend: str
    result: Result
    max_abs_error: float | None = None
    recompiles: int | None = None
    error: str | None = None
    predicted: Result | None = None
    effect: str | None = None
    since: str | None = None
    as_eager: bool = False
    compiled_branch: tuple[Location, ...] = ()
    #: Did what was compiled for the profile call answer, as far as a policy that keeps some guards tells?
    of_profile: bool = True
    #: The back end that showed it, where ``backend`` does not: one that is run as well where graphs may differ below.
    shown_by: str | None = None

    @property
    def consequence(self) -> Consequence:
        """The worst of what is proved and of what is predicted."""
        proved = _FOLLOWS.get(self.result, Consequence.BENIGN)
        return worst_of((proved, _FOLLOWS.get(self.predicted, proved))) if self.predicted else proved


_FOLLOWS = {
    Result.SILENT_WRONG: Consequence.SILENT_WRONG,
    Result.RAISES: Consequence.RAISES,
    Result.RECOMPILES: Consequence.RECOMPILES,
    Result.REFUSED: Consequence.RECOMPILES,
}


#: Results by which a finding with this consequence shows.
_SHOWN_BY = {
    consequence: frozenset(result for result, follows in _FOLLOWS.items() if follows is consequence)
    for consequence in _FOLLOWS.values()
}
_BADNESS = {consequence: rank for rank, consequence in enumerate(Consequence)}


def worst_of(consequences: Iterable[Consequence]) -> Consequence:
    """Benign where there are none."""
    return min(consequences, key=_BADNESS.__getitem__, default=Consequence.BENIGN)


class CompiledBy(enum.StrEnum):
    """Who calls ``torch.compile``."""

    FRAMEWORK = "framework"  # the deployment, whose policy decides about the guards
    USER = "user"  # the model's own code: it keeps its own options under every policy


@dataclass(frozen=True, slots=True)
class Region:
    """A compiled module: its name in the model ("" for the model itself), where its forward stands, and its guards.

    What the model's own code compiles is one too: a module by its name in the model, a function by its qualified name.
    """

    name: str
    location: Location | None
    guards: int = 0
    graphs: int = 0
    graph_breaks: int = 0
    #: Why the profile call compiled nothing of it; None: it did, or a graph break tells.
    uncompiled: Uncompiled | None = None
    compiled_by: CompiledBy = CompiledBy.FRAMEWORK


@dataclass(frozen=True, slots=True, weakref_slot=True)
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
    #: What blocks it in any of the serving calls.
    serving_syncs: tuple[Sync, ...] = ()
    #: Operands, or sides of a comparison, on devices that are not the same, in eager mode.
    profile_mismatches: tuple[DeviceMismatch, ...] = ()
    mismatches: tuple[DeviceMismatch, ...] = ()
    #: A case of independent requests: what leaked from earlier ones.
    leak: Leak | None = None
    #: A case with a reference: how eager mode departs from it, also on a fresh model.
    wrong_in_eager: WrongInEager | None = None
    #: NaN or infinity in the result of eager mode, and none in that of the profile call.
    non_finite: NonFinite | None = None
    #: Which part of torch.compile is wrong about the call, whatever was compiled before it.
    fault: CompilerFault | None = None
    #: Tensors that a captured graph would have recorded by address and that have moved.
    moved: tuple[Move, ...] = ()
    #: What torch.compile refused in the profile call; ``refusals``: the same, if the scenario is that call.
    profile_refusals: tuple[Refusal, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    #: What eager mode raised in the profile call.
    profile_error: Failure | None = None

    @property
    def worst(self) -> Consequence:
        """The worst consequence over all outcomes, proved or predicted."""
        return worst_of(outcome.consequence for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says about one scenario, in fields: how they are worded is up to whoever shows them."""

    rule: str
    name: str
    kind: Kind
    severity: Severity
    scenario: str
    region: str
    consequence: Consequence
    #: One sentence: what, at profile and at serving.
    message: str
    location: Location | None
    fix: str
    #: Stable over runs and moved lines: rests on rule, scenario, region and path.
    fingerprint: str
    #: What the finding is about (``kwargs['deepstack']``), and its value at profile and at serving.
    path: str = ""
    profile: str = ""
    serving: str = ""
    #: Paths of the other violated guards that are the same defect.
    also: tuple[str, ...] = ()
    #: Why the case accepts this finding; None: it does not.
    allowed: str | None = None
    #: The message in pieces: the first says what, those behind it can be left out, the last one first, where there is
    #: little room.  Empty: all of it is one piece.
    clauses: tuple[str, ...] = ()
    #: Does the message say what changed, so that path and values need not stand beside it?  None: it is looked up.
    says_change: bool | None = None
    #: The exception that the message tells ("": none), so that it need not stand beside it.  None: it is looked up.
    says_error: str | None = None
    #: How the graphs differ, if they do and the finding has to do with it.
    lacks: GraphChange | None = None
    #: The worst that it leads to under each policy, as far as it is to blame.
    policies: tuple[tuple[Policy, Consequence], ...] = ()

    @property
    def pieces(self) -> tuple[str, ...]:
        """The clauses, or the message as one where it is not made of them."""
        return self.clauses if "".join(self.clauses) == self.message else (self.message,)

    @property
    def untold(self) -> tuple[str, str, str] | None:
        """Path, value at profile and value at serving, if there is a change that the message does not say."""
        change = self.path, self.profile, self.serving
        if self.profile == self.serving:
            return None
        said = all(says(self.message, part) for part in change) if self.says_change is None else self.says_change
        return None if said else change

    def leads_to(self, outcome: Outcome) -> bool:
        """Is this outcome, of its scenario, what it is about?  If it names no policies, that of any may be."""
        shown = {outcome.result, outcome.predicted} & _SHOWN_BY.get(self.consequence, frozenset())
        return bool(shown) and (not self.policies or outcome.policy in dict(self.policies))

    def tells(self, error: str) -> bool:
        """Does the message tell this exception?  It may have it on one line, and the start of it only."""
        told = self.message if self.says_error is None else self.says_error
        return " ".join(error.split())[:_START] in " ".join(told.split())


#: So much of an exception tells it from others.
_START = 80


def says(message: str, part: str) -> bool:
    """Does a message have this in it, from the start of a word to the end of one?"""
    return not part or re.search(rf"(?<!\w){re.escape(part)}(?!\w)", message) is not None


def consequences(outcomes: Iterable[Outcome], worst: Consequence) -> tuple[tuple[Policy, Consequence], ...]:
    """The worst under each policy, in the order of the policies, without what is worse than ``worst``.

    That has another reason.
    """
    found: dict[Policy, Consequence] = {}
    for outcome in outcomes:
        consequence = outcome.consequence
        if _BADNESS[consequence] >= _BADNESS[worst]:
            found[outcome.policy] = worst_of((found.get(outcome.policy, consequence), consequence))
    return tuple((policy, found[policy]) for policy in Policy if policy in found)
