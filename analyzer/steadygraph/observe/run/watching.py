"""A region under watch, and a call of it that is being observed: the mutable side of observations."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import nn

from steadygraph.model import (
    Ambient,
    Aspect,
    CompiledBy,
    Failure,
    GraphBreak,
    Location,
    Node,
    SharedCode,
    ViolatedGuard,
)
from steadygraph.observe.guards import closest, decorated
from steadygraph.observe.guards.asked import Frame
from steadygraph.observe.guards.closest import Answer
from steadygraph.observe.guards.sources import Names, names_of
from steadygraph.observe.places import locations
from steadygraph.observe.run import frame_locals
from steadygraph.torch_private.entries import CapturedGraph, CompiledFrame


@dataclass(frozen=True, slots=True, eq=False)
class Forward:
    """A function that is compiled: as its user has it, and as Dynamo sees it when it is called.

    Args:
        own: As the user has it.
        original: The same with a code object of its own, where the deployment compiles it.
        compiled: What runs it compiled.
        function: The function whose frame Dynamo compiles.
        names: How its parameters are called.
    """

    own: Callable[..., Any]
    original: Callable[..., Any]
    compiled: Callable[..., Any]
    function: Callable[..., Any]
    names: Names

    @property
    def code(self) -> types.CodeType | None:
        return locations.code_of(self.function)

    @property
    def decorated(self) -> Location | None:
        """The line that names the function behind the decorators; None if there are none."""
        behind = self.names.decorated
        return None if behind is None else locations.of_definition(behind.code)


@dataclass(eq=False)
class WatchedRegion:
    """A compiled module or function: where it stands, and what Dynamo sees when it is called."""

    name: str
    #: None for a function that belongs to no module.
    module: nn.Module | None
    #: What is compiled now; the user may put another one in its place.
    forward: Forward
    compiled_by: CompiledBy = CompiledBy.FRAMEWORK
    #: Which of Dynamo's caches has its entries, beside the code object.
    cache: int = 0
    #: Entries that answered this region in the profile call, by identity of the code object, first one first.
    entries: dict[int, list[CompiledFrame]] = field(default_factory=dict)
    profile_ambient: Ambient | None = None
    #: Did Dynamo look at one of its frames in the profile call?
    looked_at: bool = False
    #: What was compiled when the profile call came here first.
    profile_forward: Forward | None = None

    @property
    def code(self) -> types.CodeType | None:
        return self.forward.code

    @property
    def is_users(self) -> bool:
        """Is it compiled by the model's own code?"""
        return self.compiled_by is CompiledBy.USER

    @property
    def is_replaced(self) -> bool:
        """Is something else compiled in its place than at profile?"""
        return self.profile_forward is not None and self.profile_forward.code is not self.code

    def starts(self, ambient: Ambient) -> None:
        """The profile call comes here."""
        self.profile_ambient = self.profile_ambient or ambient
        self.profile_forward = self.profile_forward or self.forward

    def answered_by(self, entry: CompiledFrame) -> None:
        known = self.entries.setdefault(id(entry.code), [])
        if entry not in known:
            known.append(entry)


@dataclass(eq=False)
class OpenCall:
    """An observation that is being made."""

    region: WatchedRegion
    call: str
    #: Does the thread that runs the scenario make it?  What other threads do comes in no order.
    in_order: bool
    inputs: Node
    ambient: Ambient
    addresses: tuple[tuple[str, int], ...]
    compiled: list[CompiledFrame] = field(default_factory=list)
    #: Did another thread call a region meanwhile?
    overlaps: bool = False
    #: Entries that would have answered a frame that is being compiled, by identity of its code.
    meanwhile: dict[int, CompiledFrame | None] = field(default_factory=dict)
    graphs: list[CapturedGraph] = field(default_factory=list)
    breaks: list[GraphBreak] = field(default_factory=list)
    #: With the answer that has it, which knows where it is to be shown.
    violated: dict[tuple[str, Aspect, int | None], tuple[ViolatedGuard, Answer]] = field(default_factory=dict)
    #: What tells the entries apart that the profile call makes of one code object, by its identity.
    apart: dict[int, Answer] = field(default_factory=dict)
    #: Attempts to compile a frame again that failed.
    failed_recompiles: int = 0
    addresses_after: tuple[tuple[str, int], ...] = ()
    handed: tuple[tuple[str, str, int], ...] = ()
    output: Node | None = None
    error: Failure | None = None

    @property
    def looks(self) -> str:
        """What tells it from other calls of its region, whichever thread came first."""
        return repr(
            (
                self.region.name,
                self.inputs,
                self.ambient,
                *(guard for guard, _ in self.violated.values()),
                self.output,
                self.error,
            )
        )

    def ran(self, entry: CompiledFrame) -> bool:
        return any(graph.entry is not None and graph.entry.stands_for is entry for graph in self.graphs)

    def tells_apart(self, known: Sequence[CompiledFrame], frame: Frame) -> None:
        """A frame that none of these answers, all of one code object: what the first of them sees violated.

        Args:
            known: The entries of the region; where there are none, those of others.
            frame: It is compiled next.
        """
        if known and id(known[0].code) not in self.apart:
            self.apart[id(known[0].code)] = closest.answer(known[:1], frame)

    def shared(self, again: Collection[CompiledFrame]) -> Iterator[SharedCode]:
        """The code that was compiled again, if this is the profile call.

        Args:
            again: Entries of code that had one before.
        """
        for code_id, found in self.apart.items():
            made = [entry for entry in self.compiled if id(entry.code) == code_id]
            if repeated := sum(entry in again for entry in made):
                told_apart = tuple(placed(guard, found, made) for guard in found.violated)
                entries = len(self.region.entries.get(code_id, ()))
                yield SharedCode(locations.of_definition(made[0].code), entries, repeated, told_apart)

    def violates(self, found: Answer) -> None:
        for guard in found.violated:
            self.violated.setdefault((guard.path, guard.aspect, guard.dim), (guard, found))

    def placed(self) -> Iterator[ViolatedGuard]:
        """The violated guards, each with a line of the model where there is one."""
        answering = [graph.entry for graph in self.graphs if graph.entry is not None]
        later = tuple(dict.fromkeys((*self.compiled, *answering)))
        for guard, found in self.violated.values():
            yield placed(guard, found, later)


def placed(guard: ViolatedGuard, found: Answer, later: Sequence[CompiledFrame]) -> ViolatedGuard:
    return guard if guard.location else dataclasses.replace(guard, location=found.place(guard, later))


def names_in(function: Callable[..., Any]) -> Names:
    """What the frame of ``function`` calls its parameters, and how its callers call them."""
    plain = getattr(function, "__func__", function)
    if not isinstance(plain, types.FunctionType):
        return Names()
    code = plain.__code__
    return names_of(code, frame_locals.self_name(function), decorated.behind(code, decorated.closure(plain)))
