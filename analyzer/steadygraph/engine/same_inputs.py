"""Every pass over a case is to be given the same inputs: what differs between two of them is taken for a defect.

So the arguments of each pass are held against those of the first: their structure, and a digest of their values.
"""

from __future__ import annotations

import dataclasses
import functools
import sys
import weakref
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.case.case import Call, Case, profile_call, serving_calls
from steadygraph.compare.structure import differences
from steadygraph.errors import CaseError
from steadygraph.model import PROFILE, Node
from steadygraph.observe.inputs import structure
from steadygraph.observe.state.touched import checksum, named_arguments

#: Of a larger tensor the first and the last bytes count: numbers that were drawn anew differ everywhere.
WHOLE_BYTES = 2**26
_ORDINALS = ("", "first", "second", "third")
_SEED = (
    "return equal values each time: torch, random and numpy are seeded before it is called; "
    "seed a generator of your own inside of it, and fill what torch.empty made"
)
_COPY = "the model writes into what it returns each time: return a new one, or a copy, as in x.clone()"


def same_inputs(case: Case, model: nn.Module) -> Case:
    """The same case, whose ``profile()`` and ``serving()`` refuse to return what they did not return before.

    The functions raise CaseError, with the first argument that differs.
    """
    passes = _Passes(model)
    return dataclasses.replace(
        case,
        profile=functools.partial(_profile, case, passes),
        serving=functools.partial(_serving, case, passes),
    )


def _profile(case: Case, passes: _Passes) -> Any:
    call = profile_call(case)
    passes.compare(case.named("profile()"), {PROFILE: call})
    return call.args, call.kwargs


def _serving(case: Case, passes: _Passes) -> Any:
    calls = serving_calls(case)
    passes.compare(case.named("serving()"), calls)
    return {name: (call.args, call.kwargs) for name, call in calls.items()}


@dataclass(frozen=True, slots=True, eq=False)
class _Argument:
    """One argument as it was: nothing of it is kept alive."""

    node: Node
    #: By path, a digest of each value that the structure does not tell, and the object.
    data: Mapping[str, tuple[int | None, weakref.ref[Any]]]


class _Passes:
    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._first: dict[str, dict[str, dict[str, _Argument]]] = {}
        self._times: Counter[str] = Counter()

    def compare(self, function: str, calls: Mapping[str, Call]) -> None:
        """Hold what a function of the case returned against what it returned the first time."""
        now = {name: dict(self._arguments(call)) for name, call in calls.items()}
        first = self._first.setdefault(function, now)
        self._times[function] += 1
        found = next(_different(first, now), None)
        if found is not None:
            time = self._times[function]
            which = _ORDINALS[time] if time < len(_ORDINALS) else f"{time}th"
            what, hint = found
            raise CaseError(f"{function} returned other values the {which} time: {what}", hint=hint)

    def _arguments(self, call: Call) -> Iterator[tuple[str, _Argument]]:
        for name, value in named_arguments(self._model, call.args, call.kwargs):
            node, leaves = structure.capture_with_leaves(value)
            yield (
                name,
                _Argument(node, {path: (_digest(leaf), weakref.ref(leaf)) for path, leaf in leaves if _has_data(leaf)}),
            )


def _different(
    first: Mapping[str, Mapping[str, _Argument]], now: Mapping[str, Mapping[str, _Argument]]
) -> Iterator[tuple[str, str]]:
    """What differs, and what to do about it."""
    if list(first) != list(now):
        yield f"scenarios {', '.join(first)}, then {', '.join(now)}", _SEED
        return
    for scenario in first:
        where = "" if scenario == PROFILE else f" of scenario {scenario!r}"
        if list(first[scenario]) != list(now[scenario]):
            yield f"arguments {', '.join(first[scenario])}, then {', '.join(now[scenario])}{where}", _SEED
            return
        for name, one in first[scenario].items():
            yield from (
                (f"argument `{path}`{where}{change}", hint)
                for path, change, hint in _changes(name, one, now[scenario][name])
            )


def _changes(name: str, one: _Argument, other: _Argument) -> Iterator[tuple[str, str, str]]:
    for difference in differences(one.node, other.node, root=name):
        yield difference.path, f" is {difference.profile}, then {difference.serving}", _SEED
    for path, (digest, reference) in one.data.items():
        again, twin = other.data.get(path, (digest, reference))
        if digest is not None and again is not None and digest != again:
            yield name + path, "", _COPY if reference() is twin() else _SEED


def _has_data(leaf: object) -> bool:
    numpy = sys.modules.get("numpy")
    return torch_private.is_tensor(leaf) or (numpy is not None and isinstance(leaf, numpy.ndarray))


def _digest(leaf: Any) -> int | None:
    """Of the data of a tensor or an array; None where it has none that could be read."""
    if not torch_private.is_tensor(leaf):
        return None if leaf.dtype == object else zlib.crc32(leaf.tobytes())
    if leaf.layout is not torch.strided or leaf.numel() * leaf.itemsize <= WHOLE_BYTES:
        return checksum(leaf)
    flat, count = leaf.detach().reshape(-1), WHOLE_BYTES // 2 // leaf.itemsize
    return hash((checksum(flat[:count]), checksum(flat[-count:])))
