"""Dynamo's guards, read: what each was made for, and the tree that is asked at every call."""

from __future__ import annotations

import time
import timeit
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch

from steadygraph.model import NOT_GUARDED

_MEMBERS = {
    "torch._C._dynamo.guards.GuardManager": "get_child_managers get_leaf_guards get_source get_type_of_guarded_value",
    "torch._C._dynamo.guards.LeafGuard": "verbose_code_parts",
    "torch._C._dynamo.guards.RootGuardManager": (
        "add_lambda_guard check check_verbose clone_manager get_epilogue_lambda_guards"
    ),
    "torch._C._dynamo.guards.DictGuardManager": "get_key_value_managers",
    "torch._dynamo.guards.GuardManagerWrapper": "closure_vars root",
    "torch._guards.Guard": "code_list create_fn_name name user_stack",
}
#: Conditions on symbolic sizes that hang on the root like those on process-wide state.
_RELATION = "SYMBOLIC_SHAPE_GUARD"
#: Two values are one object: a leaf of both, unless Dynamo is set to ask it at the end (as it is in torch 2.13, by
#: ``use_lamba_guard_for_object_aliasing``).
_ALIASES = "OBJECT_ALIASING"
#: The source of the tree's root.
_ROOT = "L"


class GuardCheckError(RuntimeError):
    """torch cannot ask a guard about these arguments: calling what was compiled ends the process (torch 2.13)."""


class MadeGuard:
    """A guard as Dynamo made it, before any filter."""

    __slots__ = ("_guard", "expressions", "kind", "source", "stack")

    #: Where it was made; ends at the traced line.
    stack: Sequence[traceback.FrameSummary]
    #: The name of the function that builds it: ``EQUALS_MATCH``.
    kind: str
    source: str
    expressions: Sequence[str]

    def __init__(self, guard: Any) -> None:
        self._guard = guard

    def read(self) -> None:
        """Take what there is to know of it, once it is built, and let go of it.

        A guard refers to the tensor that it guards, and one that is referred to cannot be swapped: with
        ``torch.utils.swap_tensors`` a model would fail that runs under stock torch.compile.
        """
        guard, self._guard = self._guard, None
        if guard is not None:
            self.source, self.kind = guard.name, guard.create_fn_name()
            self.expressions, self.stack = guard.code_list or (), guard.user_stack or ()


class Leaf:
    """One condition on one value."""

    __slots__ = ("_guard",)

    def __init__(self, guard: Any) -> None:
        self._guard = guard

    @property
    def kind(self) -> str:
        return type(self._guard).__name__

    @property
    def parts(self) -> tuple[str, ...]:
        """Its text, each part with the comment that Dynamo writes behind it."""
        return tuple(self._guard.verbose_code_parts())

    def holds(self, value: Any) -> bool:
        """Its answer; relations between several values cannot be asked one by one, and count as satisfied."""
        if not callable(self._guard):
            return True
        try:
            return bool(_asked(self._guard, value))
        except Exception:
            return False


class GuardNode:
    """A value that guards look at: where it comes from, the conditions on it, and what is read from it."""

    __slots__ = ("_manager",)

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    @property
    def source(self) -> str:
        """Dynamo's expression for the value: ``L['self'].scale``."""
        source: str = self._manager.get_source()
        return source

    @property
    def type_name(self) -> str:
        """The class of the value that the guards were made for."""
        wanted = self._manager.get_type_of_guarded_value()
        return getattr(wanted, "__name__", str(wanted))

    @property
    def leaves(self) -> Iterator[Leaf]:
        return map(Leaf, self._manager.get_leaf_guards())

    @property
    def children(self) -> Iterator[GuardNode]:
        """The nodes below, those of the keys and values of a dict included."""
        from torch._C._dynamo.guards import DictGuardManager

        if isinstance(self._manager, DictGuardManager):
            pairs = self._manager.get_key_value_managers().values()
            yield from (GuardNode(each) for pair in pairs for each in pair if each is not None)
        yield from map(GuardNode, self._manager.get_child_managers())


class GuardTree(GuardNode):
    """All guards of one cache entry; the leaves of the root itself are those on process-wide state.

    Args:
        wrapper: The guard manager of a cache entry.
    """

    __slots__ = ("_relations", "_wrapper")

    def __init__(self, wrapper: Any) -> None:
        super().__init__(wrapper.root)
        self._wrapper = wrapper
        self._relations: Sequence[Leaf] | None = None

    @property
    def names(self) -> Mapping[str, Any]:
        """What the text of guards may use beside locals and globals."""
        return self._wrapper.closure_vars or {}

    def holds(self, f_locals: Mapping[str, Any]) -> bool:
        """Would Dynamo run the entry for a frame with these locals?  Microseconds.

        Raises:
            GuardCheckError: A guard cannot be asked, as that on the strides of a nested tensor that has none.
        """
        try:
            return bool(_asked(self._manager.check, dict(f_locals)))
        except RuntimeError as error:
            raise GuardCheckError(f"{NOT_GUARDED}{error}") from error

    def seconds(self, f_locals: Mapping[str, Any], at_least_s: float) -> float:
        """How long it takes to be asked once about a frame with these locals: the mean over so much time.

        It is the time of the processor that counts: others may want it meanwhile.
        """
        names = dict(f_locals)
        timer = timeit.Timer(
            "check(names)", timer=time.thread_time, globals={"check": self._manager.check, "names": names}
        )
        number, took = 10, 0.0
        while took < at_least_s:
            number *= 2
            took = _asked(timer.timeit, number)
        return took / number

    def with_sources(self, wanted: Callable[[str], bool]) -> GuardTree:
        """The tree with the guards of some sources alone; those that hang on the root itself stay."""
        return GuardTree(self.root_with(wanted))

    def root_with(self, wanted: Callable[[str], bool]) -> GuardRoot:
        """The same, to be asked without Dynamo counting which of its guards failed."""
        root = self._manager.clone_manager(lambda node: node.get_source() == _ROOT or wanted(node.get_source()))
        return GuardRoot(root, self._wrapper.closure_vars)

    @property
    def relations(self) -> Sequence[Leaf]:
        """Conditions between several values, each once: sizes, and inputs that are one object."""
        if self._relations is None:
            sizes = (leaf for leaf in self.leaves if leaf.kind == _RELATION)
            aliases = {leaf.parts: leaf for leaf in _leaves_below(self) if leaf.kind == _ALIASES}
            at_the_end = map(Leaf, self._manager.get_epilogue_lambda_guards())
            self._relations = (*at_the_end, *sizes, *aliases.values())
        return self._relations

    def first_failure(self, f_locals: Mapping[str, Any]) -> tuple[str, ...] | None:
        """The text of the guard at which Dynamo stops; None if all hold."""
        told = _asked(self._manager.check_verbose, dict(f_locals))
        return None if told.result else tuple(told.verbose_code_parts)


class GuardRoot(NamedTuple):
    """What a tree is read from: a part of Dynamo's guards."""

    root: Any
    closure_vars: Any


def _leaves_below(node: GuardNode) -> Iterator[Leaf]:
    for child in node.children:
        yield from child.leaves
        yield from _leaves_below(child)


def _asked(check: Callable[[Any], Any], value: Any) -> Any:
    """The answer of a guard; torch turns off ``__torch_function__`` meanwhile, and not on again where one raises."""
    before = torch._C._get_torch_function_state()  # type: ignore[attr-defined]
    try:
        return check(value)
    except BaseException:
        torch._C._set_torch_function_state(before)  # type: ignore[attr-defined]
        raise


def when_asked(guard_manager: Any, tell: Callable[[Any], object]) -> None:
    """Have ``tell`` called with the frame's locals whenever these guards are looked at."""

    def holds(f_locals: Any) -> bool:
        tell(f_locals)
        return True

    guard_manager.root.add_lambda_guard(holds, ["observed by steadygraph"], None)


def locals_heard(guard_manager: Any, take: Callable[[Any], object]) -> None:
    """Have ``take`` called with the frame's locals whenever these guards are looked at.

    Args:
        guard_manager: What Dynamo asks.
        take: Written in C, gives something true and raises nothing: where a guard does not hold, Dynamo compiles again,
            and of what is raised in one nobody hears, a ``KeyboardInterrupt`` included (torch 2.13).
    """
    guard_manager.root.add_lambda_guard(take, ["observed by steadygraph"], None)
