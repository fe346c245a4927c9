"""What a simulated device does not know: values, and the sizes and decisions that follow from them.

The analysed code goes on with a symbol where it can, and every line that made one is remembered, for the report.
Conditions on symbols are decided as little as possible: a check that would raise passes, a size is neither 0 nor 1, and
an unknown int is none of the particular numbers that the code compares it with.
"""

from __future__ import annotations

import ast
import contextlib
import enum
import functools
import linecache
import types
from collections import Counter
from collections.abc import Collection, Iterator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from steadygraph import torch_private
from steadygraph.accelerator import limits
from steadygraph.accelerator.input_values import InputValues
from steadygraph.model import Location
from steadygraph.observe.inputs import symbols as numbers
from steadygraph.observe.places import locations
from steadygraph.torch_private.device import symbols

#: A line that is decided more often than this in one call waits for a value; a hundred layers may ask a few times each.
_MOST_DECISIONS = 5_000
#: Files of ours in which nobody asks about a symbol.
_OWN_FILES = (str(Path(__file__).parent), numbers.__file__)


class _Asker(enum.Enum):
    """Who wants to know whether a condition holds."""

    CODE = "a line of the user's code"
    GUARD = "a guard that is looked at"
    NEW_GUARD = "a guard that was made a moment ago, from this very call"
    KERNEL = "an operator"
    TRACE = "Dynamo, which has symbols of its own"


class Unknowns:
    """What was not known in the calls of a simulation."""

    def __init__(self) -> None:
        self.shape_env = symbols.environment()
        #: Is an operator being faked?
        self.faking = False
        #: What is known while a case makes its inputs and its model.
        self.input_values: InputValues | None = None
        #: Was anything unknown in the current call?
        self.met_any = False
        #: What was done about it, by line.
        self._said: dict[Location | None, dict[str, None]] = {}
        self._call = ""
        self._made: dict[tuple[Any, ...], Any] = {}
        self._origins: dict[str, tuple[str, Location | None]] = {}
        #: What the operators of an earlier run of the same call required of a size.
        self._learned: dict[tuple[Any, ...], int] = {}
        self._counts: Counter[tuple[Any, ...]] = Counter()

    def start(self, call: str) -> None:
        """From now on this call runs, the first time or again."""
        for key, symbol in self._made.items():
            number = symbols.value_of(self.shape_env, symbol)
            if number is not None:
                self._learned[key] = number
        self._call, self.met_any = call, False
        self._made.clear()
        self._counts.clear()

    def notes(self, ended: Collection[Location] = ()) -> tuple[str, ...]:
        """One sentence for each line of code and what was unknown there, in the order in which they were first met.

        Args:
            ended: Lines in which a call could not go on, which are told apart.
        """
        lines = {(place.path, place.line) for place in ended}
        return tuple(
            f"{_where(place)}{_NOT_KNOWN}: {'; '.join(said)}"
            for place, said in self._said.items()
            if place is None or (place.path, place.line) not in lines
        )

    def made(self, operation: str, place: Location | None) -> None:
        """An operator gave what only values tell."""
        self._say(place, f"{operation} gives a symbol")
        for symbol in symbols.fresh(self.shape_env):
            first = (self._call, operation, place)
            self._counts[first] += 1
            key = (*first, self._counts[first])
            self._made[key] = symbol
            self._origins[str(symbol)] = (operation, place)
            if key in self._learned:
                symbols.require(self.shape_env, symbol, self._learned[key])

    def loops_once(self, place: Location | None) -> None:
        """A loop goes over as many rows as only values tell."""
        self._say(place, "one row stands for all that a loop goes through")

    def equality(self, place: Location | None, *, negated: bool) -> bool | None:
        """Is an unknown number of a tensor equal to a particular one?"""
        if self._decided_too_often(place):
            return None
        passes = _passing(place.path, place.line) if place else None
        return self._noted(place, negated if passes is None else passes)

    def decide(self, shape_env: Any, condition: Any) -> bool | None:
        """Does a condition on symbols hold?  None: nobody can tell, and nothing may be assumed."""
        asker, frame = self._asker(shape_env, condition)
        if asker is _Asker.CODE:
            line = None if frame is None else locations.of_line(frame.f_code, frame.f_lineno)
            return None if line is None else self._decide_for_code(shape_env, condition, line)
        general = symbols.holds_in_general(shape_env, condition)
        if general is None and asker is _Asker.TRACE and (place := locations.of_stack(torch_private.traced_stack())):
            return self._decide_for_code(shape_env, condition, place)
        if general is not None or asker in (_Asker.KERNEL, _Asker.TRACE):
            return general
        equal = symbols.is_equality(condition)
        if equal is None:
            return True if frame is not None and frame.f_code.co_filename.startswith("<") else None
        if asker is _Asker.NEW_GUARD:
            self._require_equal(condition)
            return equal
        return not equal

    def refusal(self, shape_env: Any, condition: Any) -> RuntimeError | None:
        """What to raise for a condition that cannot be decided; Dynamo, with symbols of its own, gets torch's error."""
        if shape_env is not self.shape_env:
            return None
        known = [self._origins[name] for name in symbols.names(condition) if name in self._origins]
        frame = _user_frame(symbols.asking_frame(_OWN_FILES)[0])
        here = None if frame is None else locations.of_line(frame.f_code, frame.f_lineno)
        sources = dict.fromkeys(f"{what}{'' if place == here else _at(place)}" for what, place in known)
        return limits.undecided(f"a decision needs the result of {' and '.join(sources) or 'an operator'}")

    def _decide_for_code(self, shape_env: Any, condition: Any, place: Location) -> bool | None:
        if self._decided_too_often(place):
            return None
        passes = _passing(place.path, place.line)
        if passes is not None:
            symbols.assume(shape_env, condition, passes)
            return self._noted(place, passes)
        if symbols.is_truth(shape_env, condition):
            return None
        general = symbols.holds_in_general(shape_env, condition)
        if general is None and (equal := symbols.is_equality(condition)) is not None:
            general = not equal
        return None if general is None else self._noted(place, general)

    def _decided_too_often(self, place: Location | None) -> bool:
        key = ("decided", place)
        self._counts[key] += 1
        return self._counts[key] > _MOST_DECISIONS

    def _noted(self, place: Location | None, answer: bool) -> bool:
        text = f"`{place.text}`" if place and place.text else "a condition"
        self._say(place, f"{text} counts as {'met' if answer else 'not met'}")
        return answer

    def _say(self, place: Location | None, what: str) -> None:
        self.met_any = True
        self._said.setdefault(place, {})[what] = None

    def _require_equal(self, condition: Any) -> None:
        fixed = symbols.fixed_by(condition)
        if fixed is not None:
            symbols.require(self.shape_env, *fixed)

    def _asker(self, shape_env: Any, condition: Any) -> tuple[_Asker, types.FrameType | None]:
        frame, by_operator = symbols.asking_frame(_OWN_FILES)
        path = "" if frame is None else frame.f_code.co_filename
        if symbols.is_made_now(frame):
            return _Asker.NEW_GUARD, frame
        if shape_env is not self.shape_env:
            return _Asker.TRACE, frame
        if self.faking:
            return _Asker.KERNEL, frame
        if symbols.is_truth(shape_env, condition):  # a tensor is read by C++, perhaps under a torch-function mode
            return _Asker.CODE, _user_frame(frame)
        if by_operator and locations.is_user_file(path):
            return _Asker.CODE, frame
        return _Asker.GUARD, frame


_NOT_KNOWN = "this depends on values that a simulated device does not have"
_CURRENT: ContextVar[Unknowns | None] = ContextVar("unknowns", default=None)


def current() -> Unknowns | None:
    """Those of the simulation that is on."""
    return _CURRENT.get()


@contextlib.contextmanager
def recorded(unknowns: Unknowns) -> Iterator[None]:
    """A block in which what is not known is recorded."""
    token = _CURRENT.set(unknowns)
    try:
        yield
    finally:
        _CURRENT.reset(token)
        symbols.forget(unknowns.shape_env)


@contextlib.contextmanager
def known_inputs() -> Iterator[None]:
    """A block in which a case makes its model or its inputs: there, tensors on the device have values."""
    unknowns = current()
    if unknowns is None:
        yield
        return
    unknowns.input_values = InputValues()
    try:
        yield
    finally:
        unknowns.input_values = None
        symbols.fresh(unknowns.shape_env)


def _where(place: Location | None) -> str:
    return f"{Path(place.path).name}:{place.line} in `{place.function}`: " if place else ""


def _at(place: Location | None) -> str:
    return f" in line {place.line}" if place else ""


def _user_frame(frame: types.FrameType | None) -> types.FrameType | None:
    while frame is not None and not locations.is_user_file(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


def _passing(path: str, line: int) -> bool | None:
    """What a condition in this line has to be for the code not to raise; None if the line is no such check."""
    return _checks(path).get(line)


@functools.lru_cache(maxsize=256)
def _checks(path: str) -> dict[int, bool]:
    """Line -> what its condition has to be, for every ``assert`` and every ``if`` whose body ends with ``raise``."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return {}
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert):
            test, wanted = node.test, True
        elif isinstance(node, ast.If) and isinstance(node.body[-1], ast.Raise):
            test, wanted = node.test, False
        else:
            continue
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            wanted = not wanted
        found.update(dict.fromkeys(range(test.lineno, (test.end_lineno or test.lineno) + 1), wanted))
    return found
