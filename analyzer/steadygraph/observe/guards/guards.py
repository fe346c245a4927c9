"""Guards as values, and all guards that a call violates.

Dynamo stops at the first guard that fails.  Here the guard tree is walked: every node's value is looked up, every leaf
is asked, and below a node that failed nothing more is said, since what hangs there is a consequence.
"""

from __future__ import annotations

import dataclasses
import re
import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import torch

from steadygraph.compare.structure import summary
from steadygraph.model import Aspect, Guard, Location, Owner, ViolatedGuard
from steadygraph.observe.guards import tensor_guards
from steadygraph.observe.guards.guard_text import ASPECTS, expectation, right_side, without_addresses
from steadygraph.observe.guards.sources import MISSING, Names, evaluate, owner
from steadygraph.observe.inputs import structure
from steadygraph.observe.inputs.symbols import Numbering
from steadygraph.observe.places import locations
from steadygraph.observe.run.frame_tap import CompiledFrame
from steadygraph.torch_private import guard_children, guard_create_name

#: Guards of process-wide state hang on the root itself.
_ROOT = "L"
_DICT_KEY = re.compile(r"^list\(dict\.keys\((?P<dict>.*)\)\)\[\d+\]$")
_SIZE_TERM = re.compile(r"L\[[^=<>!+*/%]*?\.(?:size|stride)\(\)\[(?P<dim>\d+)\]")
#: An int in a condition: an argument, or an entry of one.
_TERM = re.compile(r"L\['\w+'\](?:\[[^\[\]]*\]|\.\w+)*")
_COMMENT = re.compile(r"\s+# ")
#: Two inputs that are one object; they stand among the conditions on sizes.
_ALIASES = re.compile(r"(?P<one>[LG]\[\S+) is (?P<other>[LG]\[\S+)")
#: ``# return x * 2  # folder/model.py:12 in forward (...)``; a range has one for each bound, with "and" between them.
_PLACE = re.compile(r"# (?P<path>\S+):(?P<line>\d+) in (?P<function>\S+)")
#: The left half of ``2 <= L['x'].size()[0] <= 8``.
_LOWER_BOUND = re.compile(r"\d+ <=? [^<>=]+(?= <)")
#: Two sizes that Dynamo keeps as one symbol, and how it says that they were only equal by chance (torch 2.13).
_EQUALITY = re.compile(r"[LG]\[\S+ == [LG]\[\S+")
_BY_CHANCE = "duck sizing added this"
_SHAPE_TYPES = frozenset({"SYMBOLIC_SHAPE_GUARD"})


def capture(entry: CompiledFrame) -> tuple[Guard, ...]:
    """The guards of one compiled frame as values, each once: Dynamo makes some anew whenever a line is traced."""
    guards = (
        Guard(
            source=without_addresses(guard.name),
            guard_type=guard_create_name(guard),
            expressions=tuple(without_addresses(part) for part in guard.code_list or ()),
            location=locations.of_stack(guard.user_stack),
        )
        for guard in entry.guards
    )
    found = dict.fromkeys(guards)
    # One that Dynamo merged with another has no expression of its own.
    whole = {(guard.source, guard.guard_type, guard.location) for guard in found if guard.expressions}
    return tuple(g for g in found if g.expressions or (g.source, g.guard_type, g.location) not in whole)


def places(entry: CompiledFrame) -> dict[str, Location]:
    """Where the guards of each source were made, as Dynamo writes it behind them: for entries of somebody else."""
    found: dict[str, Location] = {}
    waiting = [entry.guard_root]
    while waiting:
        node = waiting.pop()
        waiting += guard_children(node)
        for part in (part for leaf in node.get_leaf_guards() for part in leaf.verbose_code_parts()):
            where = _place(part, [entry.code.co_filename])
            if where is not None:
                found.setdefault(node.get_source(), where)
    return found


def _place(part: str, files: Sequence[str]) -> Location | None:
    """The last place behind a guard; its path is shortened, so these files are tried first."""
    named = list(_PLACE.finditer(part))
    if not named:
        return None
    found = named[-1]
    path = next((file for file in files if file.endswith(found["path"])), found["path"])
    return locations.of_frame(traceback.FrameSummary(path, int(found["line"]), found["function"], lookup_line=False))


def holds(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> bool:
    """Would Dynamo run this entry for a frame with these locals?  Microseconds."""
    return bool(entry.guard_root.check(dict(f_locals)))


def violated(entry: CompiledFrame, f_locals: Mapping[str, Any], names: Names) -> tuple[ViolatedGuard, ...]:
    """Every guard of ``entry`` that a frame with these locals does not satisfy.

    Guards of process-wide state are left out, except those that show on a tensor: ambient state is compared as such.
    """
    return tuple(_Inspection(entry, f_locals, names).run())


def violated_shapes(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> list[str]:
    """The symbolic shape conditions that do not hold; fixed sizes are no shape guards, tensor guards check them."""
    scope = {**entry.guard_scope, "L": dict(f_locals)}
    return [expression for expression, _ in _shape_conditions(entry) if evaluate(expression, scope) is False]


def _shape_conditions(entry: CompiledFrame) -> Iterator[tuple[str, str]]:
    """(expression, expression with Dynamo's comment) of every symbolic shape guard."""
    root = entry.guard_root
    leaves = list(root.get_epilogue_lambda_guards())
    leaves += [leaf for leaf in root.get_leaf_guards() if type(leaf).__name__ in _SHAPE_TYPES]
    for leaf in leaves:
        for part in leaf.verbose_code_parts():
            expression = _COMMENT.split(part)[0].strip()
            if _ALIASES.fullmatch(expression) is None:
                yield expression, part


def _aliases(entry: CompiledFrame) -> Iterator[tuple[str, str]]:
    """Pairs of sources that were one object when the frame was compiled."""
    for leaf in entry.guard_root.get_epilogue_lambda_guards():
        for part in leaf.verbose_code_parts():
            found = _ALIASES.fullmatch(_COMMENT.split(part)[0].strip())
            if found is not None:
                yield found["one"], found["other"]


def ambient_violated(entry: CompiledFrame, f_locals: Mapping[str, Any]) -> bool:
    """Does a guard of process-wide state fail (grad mode, autocast, threads, default device, function modes)?"""
    local_values = dict(f_locals)
    return any(not _asked(leaf, local_values) for leaf in entry.guard_root.get_leaf_guards())


def _asked(leaf: Any, value: Any) -> bool:
    """A leaf's answer; relational guards cannot be asked one by one and count as satisfied."""
    if not callable(leaf):
        return True
    try:
        return bool(leaf(value))
    except Exception:
        return False


class _Inspection:
    def __init__(self, entry: CompiledFrame, f_locals: Mapping[str, Any], names: Names) -> None:
        self.entry = entry
        self.names = names
        self.scope = {**entry.guard_scope, "L": dict(f_locals)}
        self.by_source: dict[str, list[Any]] = {}
        for guard in entry.guards:
            self.by_source.setdefault(guard.name, []).append(guard)

    def run(self) -> Iterator[ViolatedGuard]:
        root = self.entry.guard_root
        found = [*self._below(root), *self._shapes(), *self._parted()]
        if not found and not ambient_violated(self.entry, self.scope["L"]):
            found = list(self._first_failure(root))
        yield from found

    def _below(self, node: Any) -> Iterator[ViolatedGuard]:
        for child in guard_children(node):
            source = child.get_source()
            value = evaluate(source, self.scope)
            if value is MISSING:
                yield self._absent(source, child)
                continue
            failures = list(self._leaves(child, source, value))
            if failures:
                yield from failures
            else:
                yield from self._below(child)

    def _absent(self, source: str, node: Any) -> ViolatedGuard:
        wanted = node.get_type_of_guarded_value()
        return self._make(
            source, "PRESENCE", Aspect.PRESENCE, getattr(wanted, "__name__", str(wanted)), "nothing", None, None
        )

    def _leaves(self, node: Any, source: str, value: Any) -> Iterator[ViolatedGuard]:
        for leaf in node.get_leaf_guards():
            if not _asked(leaf, value):
                yield from self._explain(type(leaf).__name__, leaf.verbose_code_parts(), source, value)
                return
        # A dict manager compares the number of entries itself, without a leaf.
        for guard in self.by_source.get(source, ()):
            for expression in guard.code_list or ():
                if guard_create_name(guard).startswith("DICT_KEYS") and evaluate(expression, self.scope) is False:
                    yield self._keys(source, value, expression)
                    return

    def _explain(self, leaf_type: str, parts: Sequence[str], source: str, value: Any) -> Iterator[ViolatedGuard]:
        text = " and ".join(_COMMENT.split(part)[0] for part in parts)
        key = _DICT_KEY.match(source)
        if key:
            holder = key["dict"]
            yield self._make(
                holder, leaf_type, Aspect.KEYS, f"key {right_side(text)}", f"key {value!r}", None, None, text
            )
        elif leaf_type == "TENSOR_MATCH":
            yield from self._tensor(text, source, value)
        else:
            aspect = ASPECTS.get(leaf_type, Aspect.OTHER)
            expected, expected_type = expectation(leaf_type, text)
            actual = _readable(value, aspect)
            if value is None or expected == "None":
                aspect = Aspect.NONE
            elif aspect is Aspect.TYPE:
                actual = type(value).__name__
            elif aspect is Aspect.IDENTITY:
                expected_type = expected_type or type(value).__name__
                expected, actual = f"one particular {expected_type}", f"another {type(value).__name__}"
            yield self._make(source, leaf_type, aspect, expected, actual, expected_type, type(value).__name__, text)

    def _tensor(self, text: str, source: str, value: Any) -> Iterator[ViolatedGuard]:
        expected = tensor_guards.parse(text)
        if not isinstance(value, torch.Tensor):
            aspect = Aspect.NONE if value is None else Aspect.TYPE
            wanted = str(expected) if expected else "a tensor"
            yield self._make(
                source, "TENSOR_MATCH", aspect, wanted, _readable(value, aspect), "Tensor", type(value).__name__, text
            )
            return
        found = tensor_guards.mismatches(expected, value) if expected else []
        for one in found:
            guard = self._make(
                source,
                "TENSOR_MATCH",
                one.aspect,
                one.expected,
                one.actual,
                "Tensor",
                "Tensor",
                text,
                one.dim,
                one.suffix,
            )
            size = None if one.dim is None else value.size(one.dim)
            yield dataclasses.replace(guard, size=size if type(size) is int else None)
        # Autocast and other modes change what a tensor dispatches to: then the mode is the cause, not the tensor.
        if not found and not ambient_violated(self.entry, self.scope["L"]):
            yield self._make(
                source,
                "TENSOR_MATCH",
                Aspect.OTHER,
                without_addresses(text),
                "another kind of tensor",
                None,
                None,
                text,
            )

    def _keys(self, source: str, value: Any, expression: str) -> ViolatedGuard:
        by_length = expression.startswith("len(")
        actual = str(len(value)) if by_length else repr(list(value))
        aspect = Aspect.LENGTH if by_length else Aspect.KEYS
        return self._make(source, "DICT_KEYS_MATCH", aspect, right_side(expression), actual, None, None, expression)

    def _shapes(self) -> Iterator[ViolatedGuard]:
        for expression, part in _shape_conditions(self.entry):
            if evaluate(expression, self.scope) is not False:
                continue
            equal = _EQUALITY.fullmatch(expression) is not None
            small = [self._shape(f"2 <= {term}", part) for term in self._too_small(expression)] if equal else []
            yield from small
            if not small or _BY_CHANCE in part:
                guard = self._shape(expression, part)
                yield dataclasses.replace(guard, intended=equal and _BY_CHANCE not in part)

    def _too_small(self, equality: str) -> list[str]:
        """Sizes that are 0 or 1: one that is to be equal to another has no bound of its own, but that of the other."""
        return [term[0] for term in _SIZE_TERM.finditer(equality) if evaluate(term[0], self.scope) in (0, 1)]

    def _parted(self) -> Iterator[ViolatedGuard]:
        for one, other in _aliases(self.entry):
            if evaluate(f"{one} is {other}", self.scope) is False:
                was = f"the same as {self.names.readable(one)}"
                yield self._make(other, "OBJECT_ALIASING", Aspect.ALIASING, was, "an object of its own", None, None)

    def _shape(self, expression: str, part: str) -> ViolatedGuard:
        terms = list(_SIZE_TERM.finditer(expression)) or list(_TERM.finditer(expression))
        source = terms[0][0] if terms else expression
        number = Numbering().text
        values = [f"{self.names.readable(t[0])} = {number(evaluate(t[0], self.scope))}" for t in terms]
        aspect = Aspect.STRIDE if terms and all(".stride()" in t[0] for t in terms) else Aspect.SHAPE
        dim = int(terms[0]["dim"]) if terms and "dim" in terms[0].groupdict() else None
        held, now = self.names.readable(expression), ", ".join(dict.fromkeys(values))
        guard = self._make(source, "SHAPE_ENV", aspect, held, now, "int", "int", expression, dim)
        # The tensor's own guard stands where it is first read; the condition was made further down.
        return _with_location(guard, self._commented(expression, part) or guard.location)

    def _first_failure(self, root: Any) -> Iterator[ViolatedGuard]:
        """What the walk cannot see: guards between several values (aliasing)."""
        told = root.check_verbose(dict(self.scope["L"]))
        if told.result:
            return
        text = "; ".join(told.verbose_code_parts) or "a guard that gives no text"
        aspect = Aspect.ALIASING if "alias" in text.lower() or "Duplicate tensor" in text else Aspect.OTHER
        found = re.search(r"L\[[^,)\s]*", text)
        yield self._make(
            found[0] if found else "",
            "RELATIONAL",
            aspect,
            without_addresses(_COMMENT.split(text)[0]),
            "violated",
            None,
            None,
        )

    def _make(
        self,
        source: str,
        guard_type: str,
        aspect: Aspect,
        expected: str,
        actual: str,
        expected_type: str | None,
        actual_type: str | None,
        text: str = "",
        dim: int | None = None,
        suffix: str = "",
    ) -> ViolatedGuard:
        holder = Owner.AMBIENT if aspect is Aspect.AMBIENT else owner(source, self.scope, self.names)
        return ViolatedGuard(
            source=source,
            path=self.names.readable(source) + suffix,
            guard_type=guard_type,
            aspect=aspect,
            owner=holder,
            expected=without_addresses(expected),
            actual=without_addresses(actual),
            location=self._location(source, text),
            expected_type=expected_type or "",
            actual_type=actual_type or "",
            dim=dim,
        )

    def _location(self, source: str, text: str) -> Location | None:
        """Where Dynamo made the guard: the one with this very condition, else one of the same value."""
        base = re.sub(r"\.(size|stride)\(\)\[\d+\]$", "", source)
        candidates = self.by_source.get(source) or self.by_source.get(base) or ()
        exact = [g for g in candidates if any(part in text for part in g.code_list or ())]
        for guard in (*exact, *candidates):
            found = locations.of_stack(guard.user_stack)
            if found is not None:
                return found
        return None

    def _commented(self, expression: str, part: str) -> Location | None:
        """The place that Dynamo writes behind a shape guard, its path shortened."""
        places = list(_PLACE.finditer(part))
        if not places:
            return None
        lower = _LOWER_BOUND.match(expression)
        too_small = lower is not None and evaluate(lower[0], self.scope) is False
        found = places[0 if too_small else -1]
        path = next((p for p in self._files if p.endswith(found["path"])), None)
        if path is None or not locations.is_user_file(path):
            return None
        frame = traceback.FrameSummary(path, int(found["line"]), found["function"], lookup_line=False)
        return locations.of_frame(frame)

    @cached_property
    def _files(self) -> list[str]:
        """The files that were traced through."""
        stacks = [guard.user_stack or () for guard in self.entry.guards]
        return sorted({self.entry.code.co_filename, *(frame.filename for stack in stacks for frame in stack)})


def _with_location(guard: ViolatedGuard, location: Location | None) -> ViolatedGuard:
    return dataclasses.replace(guard, location=location)


def _readable(value: Any, aspect: Aspect) -> str:
    if aspect is Aspect.LENGTH:
        try:
            return str(len(value))
        except TypeError:
            return type(value).__name__
    return summary(structure.capture(value))
