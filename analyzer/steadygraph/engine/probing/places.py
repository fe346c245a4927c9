"""Places whose value can be changed: in the arguments of a call, and on the model."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from steadygraph.model import ContainerNode, Node, Probe

#: What a path starts from: ``(args, kwargs)``, a module of the model by its name, the globals of a Python module.
Root = Literal["call", "model", "global", "setting"]
#: Of more equal entries of one container than this, the further ones are left out.
_MOST_EQUAL = 2
_ATTRIBUTE = re.compile(r"\.[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Step:
    """One edit: a function of :mod:`edits` by its name, and what it is called with beside the value at the path."""

    root: Root
    path: tuple[str, ...]
    edit: str
    values: tuple[Any, ...] = ()
    #: The module of the model, or of Python, from which the path starts.
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Derived:
    """A changed call, and how it is made; without steps it is the profile call."""

    probe: Probe
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A value: as the model's code calls it, where it is, and what it looks like."""

    name: str
    root: Root
    path: tuple[str, ...]
    node: Node
    owner: str = ""
    #: There is nothing of this name, and the code asks whether there is.
    absent: bool = False

    def step(self, edit: str, *values: Any) -> Step:
        return Step(self.root, self.path, edit, values, self.owner)

    @property
    def word(self) -> str:
        """The last name in it, by which code reads it: ``mask`` of ``batch.mask``, ``d`` of ``d['k']``."""
        names = re.findall(r"[A-Za-z_]\w*(?=$|\.|\[)", re.sub(r"\[[^\]]*\]", "", self.name))
        return names[-1] if names else self.name


def below(place: Place) -> Iterator[Place]:
    """The place and all that it holds, outermost first."""
    yield place
    if not isinstance(place.node, ContainerNode):
        return
    seen: list[Node] = []
    for accessor, node in place.node.children:
        if not is_step(accessor) or seen.count(node) >= _MOST_EQUAL:
            continue
        seen.append(node)
        yield from below(Place(place.name + accessor, place.root, (*place.path, accessor), node, place.owner))


def is_step(accessor: str) -> bool:
    """Can a value be put there?"""
    if accessor.startswith("."):
        return _ATTRIBUTE.fullmatch(accessor) is not None
    if not (accessor.startswith("[") and accessor.endswith("]")):
        return False
    try:
        ast.literal_eval(accessor[1:-1])
    except (ValueError, SyntaxError):
        return False
    return True


def of_call(call: ContainerNode, parameters: Sequence[str]) -> list[Place]:
    """The arguments of a call.

    Args:
        call: What they look like.
        parameters: Names of the positional parameters of what is called.
    """
    found = []
    for accessor, node in call.children:
        root, _, key = accessor.partition("[")
        path = (f"['{root}']", f"[{key}")
        if not is_step(path[1]):
            continue
        at = ast.literal_eval(key[:-1])
        positional = root == "args"
        name = at if not positional else parameters[at] if at < len(parameters) else accessor
        found.append(Place(name, "call", path, node))
    return found
