"""What a compilation of Dynamo leaves behind: live objects, handed around and reduced to values elsewhere."""

from __future__ import annotations

import functools
import traceback
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from steadygraph.model.budget import FrameId, GuardClass, GuardId
from steadygraph.torch_private.guards import GuardRoot, GuardTree, MadeGuard

#: Whether a call is as one before, where nobody wants to know.
NOBODY_ASKS: Callable[[], object] = functools.partial(bool, True)


@dataclass(slots=True)
class BreakEvent:
    """A graph break in Dynamo's own words; ``stack`` ends at the innermost frame."""

    reason: str
    stack: Sequence[traceback.FrameSummary]


@dataclass(frozen=True, slots=True)
class SkippedFrame:
    """A frame that Dynamo did not compile: it runs as plain Python.

    Args:
        code: That of the frame.
        reason: What Dynamo says about it in general.
        error: What it met when it tried; None: it never looked into the frame.
        at_limit: Was it compiled too often to be compiled again?
    """

    code: types.CodeType
    reason: str
    error: str | None = None
    at_limit: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class LoneGuard:
    """One guard of an entry, in a guard manager of its own.

    Args:
        guard: What finds it again.
        condition: What it asks, in Dynamo's words.
        line: The number of the line that made it.
        frame: The compiled function that it belongs to.
        about: What it is about.
        tree: Asks it; None: it cannot be asked alone.
    """

    guard: GuardId
    condition: str
    line: int | None
    frame: FrameId | None
    about: GuardClass
    tree: GuardTree | None


@dataclass(slots=True, eq=False)
class CompiledFrame:
    """One entry of Dynamo's cache: live objects, to be reduced to values by the observers."""

    code: types.CodeType
    compiled_code: types.CodeType
    guard_manager: Any
    compile_id: Any
    f_globals: dict[str, Any]
    guards: Sequence[MadeGuard] = ()
    graphs: list[CapturedGraph] = field(default_factory=list)
    #: Where the frame's own options drop guards: a guard manager with all of them.
    all_guards: Any = None
    #: Stacks of the questions whether it is being compiled that the traced code asked.
    questions: Sequence[Sequence[traceback.FrameSummary]] = ()
    #: What the frame had in ``*args`` and ``**kwargs``, by source (``L['kwargs']``): positions, names.
    variadic: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    #: Where the frame was called, within the region.
    callers: Sequence[traceback.FrameSummary] = ()
    #: One that another thread made while this one waited for Dynamo's lock, and that would have answered.
    same_as: CompiledFrame | None = None
    #: Its guards one by one, where somebody wants to know who violates which.
    alone: Sequence[LoneGuard] = ()

    #: Read once: walking it takes a while.
    _tree: GuardTree | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        for guard in self.guards:
            guard.read()

    @property
    def stands_for(self) -> CompiledFrame:
        return self.same_as or self

    @property
    def guard_tree(self) -> GuardTree:
        """All guards that were made."""
        if self._tree is None:
            self._tree = GuardTree(self.all_guards or self.guard_manager)
        return self._tree

    @property
    def as_asked(self) -> CompiledFrame:
        """The same entry with those guards alone that Dynamo asks before it runs it."""
        return self if self.all_guards is None else replace(self, all_guards=None)

    @property
    def picked_by(self) -> object:
        """The guards that it asks under the stance ``skip_guard_eval_unsafe``; with each entry they are made anew."""
        return self.guard_manager.diff_guard_root

    @property
    def as_picked(self) -> CompiledFrame:
        """The same entry with those guards alone by which it is picked.

        All of them are asked of a copy: by those that failed before, Dynamo tells entries apart.
        """
        asked = GuardRoot(self.picked_by, self.guard_manager.closure_vars)
        return replace(self, guard_manager=asked, all_guards=GuardTree(self.guard_manager).root_with(bool))

    def answers(self, f_locals: Mapping[str, Any]) -> bool:
        """Would Dynamo run it for a frame with these locals?"""
        return GuardTree(self.guard_manager).holds(f_locals)

    def scope(self, f_locals: Mapping[str, Any]) -> dict[str, Any]:
        """The names that guard expressions use, for a frame with these locals."""
        return {**self.guard_tree.names, "G": self.f_globals, "L": dict(f_locals)}


@dataclass(slots=True, eq=False)
class CapturedGraph:
    """A graph that Dynamo handed to the back end, and the functions that can run it."""

    module: torch.fx.GraphModule
    #: Placeholder -> where Dynamo takes its value from (``L['x']``); Dynamo forgets it after the compilation.
    sources: dict[str, str]
    #: Back end name -> callable, for the back ends beside "eager".
    runners: dict[str, Callable[..., Any]]
    entry: CompiledFrame | None = None
    #: Placeholder -> which output of the profile call's graph it was given, in its first run.
    made_at_profile: dict[str, int] = field(default_factory=dict)
    #: Does it tell of its runs?
    tells: bool = False
    #: Asked before each run while nobody listens; false: somebody wants to hear of the call.
    as_before: Callable[[], object] = NOBODY_ASKS

    @property
    def placeholders(self) -> list[str]:
        """The names of its inputs, in the order in which they are handed over."""
        return [node.name for node in self.module.graph.nodes if node.op == "placeholder"]
