"""What exceptions of other people's code are asked, and whose fault they are."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from steadygraph.case.their_code import TheirError, their_code
from steadygraph.case.user_code import describe, guarded, readable_path
from steadygraph.errors import TargetError, raised
from steadygraph.errors.near_miss import closest

from .hostile_exceptions import LeavesError, NoTextError, OtherClassError


class Text(str):
    def split(self, *_args):
        raise RuntimeError("split")

    strip = __getitem__ = split


class SaysTextError(Exception):
    def __str__(self) -> str:
        return Text("no width")


class Meta(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")


class NoNameError(Exception, metaclass=Meta):
    pass


class ClosedError(Exception):
    """Every question is answered by another exception."""

    def __getattribute__(self, name):
        raise RuntimeError(name)


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (ValueError, "no width", "ValueError: no width"),
        (NoTextError, "", "NoTextError: (its text cannot be read: RuntimeError)"),
        (LeavesError, "", "LeavesError: (its text cannot be read: SystemExit)"),
        (SaysTextError, "", "SaysTextError: no width"),
        (NoNameError, "no width", "NoNameError: no width"),
        (ClosedError, "no width", "ClosedError: no width"),
        (OtherClassError, "no width", "OtherClassError: no width"),
        (ValueError, "x" * 1_000_000, f"ValueError: {'x' * 400}..."),
    ],
    ids=range(8),
)
def test_an_exception_is_told_whatever_its_class_answers(kind: Callable[[str], BaseException], text: str, told: str):
    assert describe(kind(text)) == told


def test_a_text_that_is_interrupted_is_an_interrupt() -> None:
    class InterruptsError(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        raised.text(InterruptsError())


def test_a_chain_that_bites_its_tail_ends() -> None:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first

    assert list(raised.chain(first)) == [first, second]


def test_a_cause_hides_what_came_before() -> None:
    error, cause, context = ValueError("error"), ValueError("cause"), ValueError("context")
    error.__cause__, error.__context__ = cause, context

    assert list(raised.chain(error)) == [error, cause]


def caught(function: Callable[..., object], *args: object) -> BaseException:
    try:
        function(*args)
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def of_the_user() -> None:
    raise ValueError("mine")


def test_what_a_line_of_steadygraph_raises_is_its_own_fault() -> None:
    error = caught(closest, 3, ["drop"])  # asks a number for lower()

    assert raised.is_ours(error)
    assert not raised.is_theirs(error)


def test_what_the_user_raises_is_the_users_fault_though_steadygraph_called_it() -> None:
    class Word(str):
        def lower(self):
            of_the_user()

    error = caught(closest, "drop", [Word("drop")])

    assert raised.is_theirs(error)
    assert not raised.is_ours(error)


def test_what_a_library_raises_is_the_fault_of_who_called_it() -> None:
    error = caught(lambda: json.loads("{"))

    assert raised.is_theirs(error)
    assert not raised.is_ours(error)


@pytest.mark.parametrize("kind", [GeneratorExit, BaseException, OtherClassError])
def test_whatever_code_of_the_user_raises_is_told_as_its_fault(kind: Callable[[str], BaseException]) -> None:
    with pytest.raises(TargetError) as found, guarded("build() of case.py"):
        raise kind("x")

    line = sys._getframe().f_lineno - 2
    assert str(found.value) == (
        f"build() of case.py raised {kind.__name__}: x ({readable_path(__file__)}:{line})\n"
        "  hint: set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"
    )


@pytest.mark.parametrize(("code", "told"), [(None, "sys.exit()"), (3, "sys.exit(3)"), ("bye", "sys.exit('bye')")])
def test_an_exit_is_told_with_its_code(code: object, told: str) -> None:
    with pytest.raises(TargetError) as found, guarded("build()"):
        raise SystemExit(code)

    assert found.value.problem.partition(" (")[0] == f"build() called {told}"


def test_the_code_of_an_exit_is_not_asked_for_its_text() -> None:
    with pytest.raises(TargetError) as found, guarded("build()"):
        raise SystemExit(NoTextError())

    assert found.value.problem.partition(" (")[0] == "build() called sys.exit(<NoTextError>)"


def test_a_hint_is_taken_from_an_exception_that_has_one_in_words() -> None:
    class HintedError(Exception):
        hint: object = "a hint of the class"

    told, untold = HintedError(), HintedError()
    told.hint, untold.hint = "set width", lambda: "set width"

    hints = []
    for error in (told, untold, HintedError()):
        with pytest.raises(TargetError) as found, guarded("build()"):
            raise error
        hints.append(found.value.hint)

    traceback = "set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"
    assert hints == ["set width", traceback, traceback]


def test_an_interrupt_is_nobodys_failure() -> None:
    with pytest.raises(KeyboardInterrupt), guarded("build()"), their_code():
        raise KeyboardInterrupt


def test_what_code_of_the_case_raises_in_a_call_is_kept_as_it_is() -> None:
    error = GeneratorExit()

    with pytest.raises(TheirError) as found, their_code():
        raise error

    assert found.value.raised is error
