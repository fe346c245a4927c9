"""What exceptions of a target say is redacted before it is cut, and nothing else of them is kept."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import pytest
import torch

from steadygraph.case.user_code import guarded
from steadygraph.errors import TargetError
from steadygraph.observe.graphs.breaks import skipped
from steadygraph.observe.inputs.values import value_text
from steadygraph.observe.places import locations
from steadygraph.torch_private.entries import SkippedFrame

TOKEN = "q7Xw2Lk9PzR4tVbN8mJc5HgF1dSaYe3UoIiK6T0E"
WEIGHT = torch.full((60,), 0.7312)
MASK = torch.where(torch.arange(600) % 2 > 0, WEIGHT[0], -torch.inf).view(2, 3, 100)

LEAKS: dict[str, Callable[[], str]] = {
    "tensor": lambda: f"bad weight {WEIGHT}",
    "tensor behind others": lambda: f"{'x' * 390} {WEIGHT}",
    "tensor of paragraphs": lambda: f"bad mask {MASK}",
    "token": lambda: TOKEN,
    "token at the cut": lambda: "x" * 370 + TOKEN,
    "token in the middle of the cut": lambda: "x" * 390 + TOKEN,
    "token, quoted": lambda: repr(TOKEN),
    "token over lines": lambda: f"{TOKEN[:20]}\n{TOKEN[20:]}",
    "key": lambda: "x" * 390 + "-----BEGIN PRIVATE KEY-----\nMII0.7312\n" * 20,
    "path at the cut": lambda: "y" * 386 + "/home/alice/models/x.bin",
    "path": lambda: "no '/data/alice/0.7312 q7Xw2/x.bin'",
    "login": lambda: "postgres://alice:0.7312@db/x",
    "behind many blanks": lambda: f"a{' ' * 100_000}{TOKEN} {WEIGHT}",
}


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SECRET_TOKEN", TOKEN)


def leaks(text: str) -> bool:
    return any(part in text for part in ("0.7312", "0.73", "inf", "q7Xw2", "6T0E", "alice", "MII"))


@pytest.mark.parametrize("say", LEAKS.values(), ids=LEAKS)
def test_what_a_function_of_the_case_raises_leaks_nothing(say: Callable[[], str]) -> None:
    with pytest.raises(TargetError) as caught, guarded("build()"):
        raise ValueError(say())

    assert not leaks(str(caught.value))
    assert not leaks("".join(traceback.format_exception(caught.value)))


@pytest.mark.parametrize("say", LEAKS.values(), ids=LEAKS)
def test_what_the_model_raises_leaks_nothing(say: Callable[[], str]) -> None:
    assert not leaks(locations.of_failure(ValueError(say())).message)


@pytest.mark.parametrize("say", LEAKS.values(), ids=LEAKS)
def test_what_a_target_leaves_with_leaks_nothing(say: Callable[[], str]) -> None:
    with pytest.raises(TargetError) as caught, guarded("build()"):
        raise SystemExit(say())

    assert not leaks(str(caught.value))
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize("say", LEAKS.values(), ids=LEAKS)
def test_why_a_frame_was_skipped_leaks_nothing(say: Callable[[], str]) -> None:
    (one,) = skipped(SkippedFrame(test_why_a_frame_was_skipped_leaks_nothing.__code__, "why", say()), (), ())

    assert not leaks(one.detail or "")


def test_of_a_value_that_is_cut_no_half_secret_is_left() -> None:
    assert not leaks(value_text("x" * 150 + TOKEN + "x" * 100))
