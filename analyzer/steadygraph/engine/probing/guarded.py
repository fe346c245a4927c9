"""What the guards of the profile call look at: which arguments, and which values on the model and in its files."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from typing import Any

from torch import nn

from steadygraph import torch_private
from steadygraph.case.user_code import is_user_file
from steadygraph.engine.probing.places import Place, is_step
from steadygraph.model import ContainerNode, NoneNode, OpaqueNode, TensorNode, ValueNode
from steadygraph.observe.inputs import structure
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.run.watching import WatchedRegion
from steadygraph.torch_private import wording
from steadygraph.torch_private.entries import CompiledFrame

_LARGEST_SIZE = 8192
#: Where a module keeps its parts: nobody changes these by hand.
_STORES = ("._modules", "._parameters", "._buffers", ".training")
#: Further than this nobody follows an attribute: a configuration of a hundred entries would hide all else.
_MOST_PLACES = 200


class Guarded:
    """Of all regions.

    Args:
        model: What the regions are parts of.
        session: Holds what was compiled in the profile call.
    """

    def __init__(self, model: nn.Module, session: CompileSession) -> None:
        self._model = model
        self._regions = list(session.regions)
        #: By name, what is read on the model, or of a global variable.
        self.places: dict[str, Place] = {}
        #: Names of arguments, and of what they hold.
        self.read: set[str] = set()
        #: Numbers in conditions on sizes, and integers that are read on the model.
        self.sizes: set[int] = set()
        #: Are all frames those of regions?  What others look at is not known by the names of the call.
        self.whole = True
        #: Files of the code that made guards.
        self.files: dict[str, None] = {}
        for region in self._regions:
            for entries in region.entries.values():
                for entry in entries:
                    self._take(region, entry)

    def _take(self, region: WatchedRegion, entry: CompiledFrame) -> None:
        own = entry.code is region.code
        self.whole &= own
        for made in entry.guards:
            self.files.update(dict.fromkeys(f.filename for f in made.stack if is_user_file(f.filename)))
            if found := wording.global_name(made.source):
                self._global(entry, *found)
            elif own and wording.root_local(made.source) is not None:
                self._local(region, made.source, made.expressions)

    def _local(self, region: WatchedRegion, source: str, expressions: Any) -> None:
        names = region.forward.names
        readable = names.readable(source)
        if wording.root_local(source) == names.bound:
            self._attribute(region, readable.removeprefix(str(names.bound)), asked=False)
            for text in expressions:
                self._asked_for(region, readable, text)
            return
        if not source:
            return
        self.read.add(re.sub(r"\.(shape|stride).*", "", readable))
        for text in expressions:
            self.sizes.update(number for number in wording.sizes_asked(text) if 2 < number <= _LARGEST_SIZE)

    def _asked_for(self, region: WatchedRegion, readable: str, text: str) -> None:
        """An attribute that is not there, and that the code asks for."""
        name = wording.attribute_asked(text)
        if name is not None:
            holder = readable.removesuffix(".__dict__").partition(".")[2]
            self._attribute(region, f".{holder}.{name}" if holder else f".{name}", asked=True)

    def _attribute(self, region: WatchedRegion, path: str, asked: bool) -> None:
        steps = _steps(path)
        if region.module is None or not steps or any(step in _STORES or step.startswith(".__") for step in steps):
            return
        value: Any = region.module
        owner, start = region.module, 0
        for number, step in enumerate(steps):
            value = _entry(value, step)
            if value is _MISSING:
                if not asked or number < len(steps) - 1:
                    return
                value = None
                break
            if torch_private.is_module(value):
                owner, start = value, number + 1
        if start == len(steps):
            return
        name = next((name for name, module in self._model.named_modules() if module is owner), None)
        if name is not None and not type(owner).__module__.startswith("torch."):
            self._add(
                f"{_readable(name)}{''.join(steps[start:])}",
                "model",
                name,
                steps[start:],
                value,
                absent=asked and value is None,
            )

    def _global(self, entry: CompiledFrame, name: str, rest: str) -> None:
        module = entry.f_globals.get(name) if wording.is_imported(name) else None
        steps = _steps(wording.readable(rest) if module is not None else f".{name}{wording.readable(rest)}")
        holder = sys.modules.get(str(entry.f_globals.get("__name__"))) if module is None else module
        file = str(getattr(holder, "__file__", None) or "<")
        if holder is None or not steps or not is_user_file(file) or "site-packages" in file:
            return
        if any(step.startswith(".__") for step in steps):
            return
        value: Any = holder
        for step in steps:
            value = _entry(value, step)
            if value is _MISSING:
                return
        self._add("".join(steps)[1:], "global", holder.__name__, steps, value)

    def _add(
        self, name: str, root: Any, owner: str, steps: tuple[str, ...], value: Any, *, absent: bool = False
    ) -> None:
        node = structure.capture(value)
        if isinstance(node, TensorNode | OpaqueNode) or len(self.places) >= _MOST_PLACES:
            return
        if isinstance(node, ContainerNode) and node.type not in ("list", "tuple", "dict", "set"):
            return  # its parts are guarded by themselves
        if isinstance(node, ValueNode | NoneNode | ContainerNode):
            same = re.sub(r"\[\d+\]", "[*]", name)
            if same not in {re.sub(r"\[\d+\]", "[*]", other) for other in self.places}:
                self.places[name] = Place(name, root, steps, node, owner, absent)
        if type(value) is int and 2 < value <= _LARGEST_SIZE:
            self.sizes.add(value)


_MISSING = object()


def _entry(value: Any, step: str) -> Any:
    try:
        if step.startswith("."):
            return getattr(value, step[1:])
        return value[ast.literal_eval(step[1:-1])]
    except Exception:  # whatever a class of the user's says
        return _MISSING


def _steps(path: str) -> tuple[str, ...]:
    """``.layers[0].step`` in steps; none where it is no path."""
    found = tuple(re.findall(r"\.\w+|\[[^\[\]]*\]", path))
    return found if "".join(found) == path and all(map(is_step, found)) else ()


def _readable(name: str) -> str:
    """``layers.0`` as the code says it: ``self.layers[0]``."""
    return "self" + "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in name.split(".") if part)


def read_names(guarded: Guarded) -> Iterator[str]:
    """What guards look at, and all that holds it."""
    for name in guarded.read:
        steps = re.findall(r"^\w+|\.\w+|\[[^\[\]]*\]", name)
        for count in range(1, len(steps) + 1):
            yield "".join(steps[:count])
