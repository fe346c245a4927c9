"""Code of a case that raises what nobody expects, or objects that lie: that call fails, and the rest is judged."""

from __future__ import annotations

import asyncio
import contextlib
import enum
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest
import torch
from torch import nn

import steadygraph
from steadygraph.case.case import Case
from steadygraph.errors import CaseError, TargetError
from steadygraph.model import Result
from steadygraph.policies import proof
from steadygraph.report.shown import Report

from .hostile_exceptions import LeavesError, NoTextError, OtherClassError


class OwnBaseError(BaseException):
    pass


class NoClassError(Exception):
    @property
    def __class__(self):
        raise RuntimeError("no class")


class AnswersAllError(Exception):
    def __getattr__(self, name):
        return self


class FrozenError(Exception):
    def __setattr__(self, name, value):
        raise RuntimeError(f"{name} is frozen")


def in_a_circle() -> Exception:
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    return first


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, odd=None, error=None):
        if error is not None:
            raise error()
        return self.linear(x), odd


def call(**kwargs: Any) -> tuple[tuple[torch.Tensor], dict[str, Any]]:
    return (torch.ones(2, 4),), kwargs


def analysed(calls: dict[str, dict[str, Any]] | None = None, **functions: Any) -> Report:
    named = {"fine": {}} if calls is None else calls
    values: dict[str, Any] = {
        "build": lambda: Net().eval(),
        "profile": call,
        "serving": lambda: {name: call(**kwargs) for name, kwargs in named.items()},
        **functions,
    }
    return steadygraph.analyze(Case(**values))


def errors(report: Report) -> dict[str, str]:
    """By scenario, what SG601 says that eager mode raises."""
    found = [(one.scenario, one.message) for one in report.findings if one.rule == "SG601"]
    return {name: said.removeprefix("eager mode raises ").partition(", and the")[0] for name, said in found}


def results(report: Report, policy: str = "drop") -> dict[str, Result]:
    return {one.name: report.outcome(one.name, policy).result for one in report.cases[0].scenarios}


def test_whatever_a_serving_call_raises_is_its_failure_alone() -> None:
    kinds = (
        *(OwnBaseError, GeneratorExit, asyncio.CancelledError, RecursionError, NoTextError, LeavesError),
        *(OtherClassError, NoClassError, AnswersAllError, FrozenError, in_a_circle),
    )

    report = analysed({**{kind.__name__: {"error": kind} for kind in kinds}, "fine": {}})

    assert errors(report) == {
        "OwnBaseError": "OwnBaseError",
        "GeneratorExit": "GeneratorExit",
        "CancelledError": "CancelledError",
        "RecursionError": "RecursionError",
        "NoTextError": "NoTextError: (its text cannot be read: RuntimeError)",
        "LeavesError": "LeavesError: (its text cannot be read: SystemExit)",
        "OtherClassError": "OtherClassError",
        "NoClassError": "NoClassError",
        "AnswersAllError": "AnswersAllError",
        # Raised by its own class, when Python writes down where it was raised.
        "FrozenError": "FrozenError",
        "in_a_circle": "ValueError: first",
    }
    assert results(report)["fine"] is Result.SAME


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("build", "build() raised OwnBaseError: no"),
        ("profile", "profile() raised OwnBaseError: no"),
        ("serving", "serving() raised OwnBaseError: no"),
        ("regions", "regions() raised OwnBaseError: no"),
        ("mark", "mark() raised OwnBaseError: no"),
        ("reference", "reference() raised OwnBaseError: no"),
        ("before", "the profile call raised in eager mode: OwnBaseError: no"),
        ("context", "the profile call raised in eager mode: OwnBaseError: no"),
        ("observe", "the profile call raised in eager mode: OwnBaseError: no"),
    ],
)
def test_a_function_of_the_case_that_raises_is_named(function: str, told: str) -> None:
    def fails(*_arguments: object) -> None:
        raise OwnBaseError("no")

    with pytest.raises(TargetError) as caught:
        analysed(**{function: fails})

    assert caught.value.problem.partition(" (")[0] == told


def test_a_model_that_cannot_be_walked_is_told() -> None:
    def broken() -> nn.Module:
        model = Net()
        model._buffers[5] = torch.ones(1)  # type: ignore[index]
        return model

    with pytest.raises(TargetError) as caught:
        analysed(build=broken)

    assert caught.value.problem == (
        'reading the model that build() returned raised TypeError: can only concatenate str (not "int") to str'
    )


def test_an_interrupt_in_a_call_interrupts_the_analysis() -> None:
    with pytest.raises(KeyboardInterrupt):
        analysed({"a": {"error": KeyboardInterrupt}}, context=lambda _name: contextlib.suppress(BaseException))


def test_an_exit_in_a_call_is_told_as_one() -> None:
    with pytest.raises(TargetError) as caught:
        analysed({"a": {"error": lambda: SystemExit(3)}})

    assert caught.value.problem.partition(" (")[0] == "the target called sys.exit(3)"


# --- contexts ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def unruly(name: str) -> Iterator[None]:
    if name == "does not begin":
        return
    if name == "fails to begin":
        raise OwnBaseError("begin")
    try:
        yield
    except ValueError:
        if name == "raises another":
            raise OwnBaseError("another") from None
        if name != "swallows":
            raise
    if name == "does not end":
        yield
    if name == "fails to end":
        raise OwnBaseError("end")


def test_a_context_that_fails_or_swallows_fails_its_call_alone() -> None:
    wrong = {"error": lambda: ValueError("wrong")}
    quiet = ("does not begin", "fails to begin", "does not end", "fails to end")

    report = analysed(
        {**{name: {} for name in quiet}, "raises another": wrong, "swallows": wrong, "fine": {}}, context=unruly
    )

    assert errors(report) == {
        "does not begin": "RuntimeError: generator didn't yield",
        "fails to begin": "OwnBaseError: begin",
        "does not end": "RuntimeError: generator didn't stop",
        "fails to end": "OwnBaseError: end",
        "raises another": "OwnBaseError: another",
        "swallows": "ValueError: wrong",
    }
    assert results(report)["fine"] is Result.SAME


def test_what_is_no_context_manager_is_told() -> None:
    with pytest.raises(CaseError) as caught:
        analysed(context=lambda _name: None)

    assert str(caught.value) == (
        "context() returned None, not a context manager\n"
        "  hint: return a context manager, such as torch.no_grad() or contextlib.nullcontext()"
    )


# --- objects -----------------------------------------------------------------------------------------------


class Raises:
    """On every question that Python asks an object without being told to."""

    def __eq__(self, other):
        raise RuntimeError("eq")

    __hash__ = __bool__ = __len__ = __iter__ = __repr__ = __eq__


class EqualsTensors:
    def __eq__(self, other):
        return torch.ones(3)

    __hash__ = object.__hash__


class AnswersAll:
    def __getattr__(self, name):
        return self


class SaysTensor:
    __class__ = property(lambda _self: torch.Tensor)


class LyingDict(dict):
    def items(self):
        return [1, 2, 3]

    def __len__(self):
        return -1

    def keys(self):
        raise RuntimeError("keys")

    __iter__ = keys


class LyingList(list):
    def __len__(self):
        return 5

    def __getitem__(self, index):
        raise RuntimeError("getitem")

    __iter__ = __getitem__


class LyingInt(int):
    def __repr__(self):
        raise RuntimeError("repr")

    __format__ = bit_length = __str__ = __repr__


class Member(enum.Enum):
    ONE = 1

    def __eq__(self, other):
        raise RuntimeError("eq")

    def __hash__(self):
        return 1


def holding_itself() -> list[Any]:
    found: list[Any] = [1]
    found.append({"itself": found})
    return found


def nested(depth: int) -> list[Any]:
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


ODD: dict[str, Callable[[], Any]] = {
    "raises": Raises,
    "equals tensors": EqualsTensors,
    "answers all": AnswersAll,
    "says that it is a tensor": SaysTensor,
    "mock of a tensor": lambda: MagicMock(spec=torch.Tensor),
    "mock of a module": lambda: MagicMock(spec=nn.Module),
    "lying dict": lambda: LyingDict(a=1),
    "lying list": lambda: LyingList([1, 2]),
    "lying int": lambda: LyingInt(3),
    "member of an enum": lambda: Member.ONE,
    "holds itself": holding_itself,
    "deep": lambda: nested(5_000),
    "keys that are no numbers": lambda: {float("nan"): 1, float("inf"): 2},
    "long": lambda: list(range(20_000)),
    "huge": lambda: -(10**5_000),
    "no text": lambda: "\udcff\x00\x1b[31m",
    "set of all kinds": lambda: {1, "a", None, (1, 2)},
    "class": lambda: nn.Linear,
    "module": lambda: torch,
    "view of a dict": lambda: {1: 2}.keys(),
}
TENSORS: dict[str, Callable[[], torch.Tensor]] = {
    "sparse": lambda: torch.eye(4).to_sparse(),
    "compressed": lambda: torch.eye(4).to_sparse_csr(),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(2, 4), 0.1, 0, torch.qint8),
    "meta": lambda: torch.ones(2, 4, device="meta"),
    "jagged": lambda: torch.nested.nested_tensor([torch.ones(2, 4), torch.ones(3, 4)], layout=torch.jagged),
    "conjugate": lambda: torch.ones(2, 4, dtype=torch.complex64).conj(),
    "narrow": lambda: torch.zeros(2, 4, dtype=torch.uint8).view(torch.float8_e5m2),
    "expanded": lambda: torch.ones(1, 1).expand(2, 4),
}


class Ignores(Net):
    """Neither looks at the object nor hands it on."""

    def forward(self, x, odd=None):
        return self.linear(x)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("objects", [ODD, TENSORS])
def test_an_object_that_no_compiled_code_reads_makes_no_difference_whatever_it_answers(
    objects: dict[str, Callable[[], Any]],
) -> None:
    case = Case(
        build=lambda: Ignores().eval(),
        profile=call,
        serving=lambda: {name: call(odd=make()) for name, make in objects.items()},
    )

    report = steadygraph.analyze(case)

    assert results(report) == dict.fromkeys(["profile", *objects], Result.SAME)
    assert report.findings == ()
    assert report.cases[0].rule_problems == ()


def strided() -> tuple[tuple[torch.Tensor], dict[str, Any]]:
    return (torch.nested.nested_tensor([torch.ones(2, 4), torch.ones(3, 4)]),), {}


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_guard_that_torch_cannot_ask_fails_the_call() -> None:
    case = Case(
        build=lambda: Ignores().eval(),
        profile=call,
        serving=lambda: {
            "strided": strided(),
            "fine": call(),
        },
    )

    report = steadygraph.analyze(case)

    with pytest.raises(RuntimeError) as asked:  # in the guards of stock torch.compile this ends the process
        strided()[0][0].stride()
    (found,) = report.findings
    assert report.outcome("strided", "recompile").result is Result.RAISES
    assert (found.rule, found.scenario, found.fix) == (
        "SG901",
        "strided",
        "Pass tensors that torch.compile can guard: of a nested one, a tensor with layout=torch.jagged.",
    )
    assert found.message == (
        "torch cannot check the guards of the profile call on these arguments, so that under policy recompile the call "
        f"fails ({asked.value})"
    )
    assert results(report) == {"profile": Result.SAME, "strided": Result.SAME, "fine": Result.SAME}
    with torch.device("meta"):  # which needs __torch_function__
        assert torch.ones(1).is_meta


def test_a_number_of_400_digits_is_an_argument_like_others() -> None:
    class Multiplies(Net):
        def forward(self, x, n=1):
            return self.linear(x) * n

    case = Case(
        build=lambda: Multiplies().eval(),
        profile=lambda: call(n=2),
        serving=lambda: {"huge": call(n=10**400), "negative": call(n=-(10**6_000))},
    )

    report = steadygraph.analyze(case)

    assert report.cases[0].rule_problems == ()
    # As torch itself says of a tensor that is multiplied by one.
    assert errors(report) == {
        "huge": "OverflowError: int too big to convert",
        "negative": "OverflowError: can't convert negative int to unsigned",
    }


def test_a_generator_that_a_call_returns_is_no_finding() -> None:
    class Streams(Net):
        def forward(self, x):
            return (self.linear(x) for _ in range(3))

    report = steadygraph.analyze(Case(build=lambda: Streams().eval(), profile=call, serving=lambda: {"a": call()}))

    assert report.findings == ()
    assert results(report) == {"profile": Result.UNPROVED, "a": Result.UNPROVED}
    assert report.outcome("a", "drop").error == (
        "output is a generator, which can be read one time only: return a list of what it gives, or let observe() do so"
    )


def test_what_begins_in_steadygraph_is_never_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def stumbles(output: object) -> object:
        return proof.value_text(object)  # says itself that a class is not written as text

    monkeypatch.setattr(proof, "freeze", stumbles)

    with pytest.raises(TypeError, match="is not written as text"):
        analysed()
