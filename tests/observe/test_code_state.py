"""What a model's code reaches by name comes back with the model: globals, closures, defaults, class attributes."""

from __future__ import annotations

import functools

import torch
from torch import nn

from steadygraph.observe.state.state import ModelState

COUNT = 1
TABLES = {"short": torch.zeros(2)}


class Switches:
    fast = False


class Counting(nn.Module):
    shared = [1]  # noqa: RUF012

    def forward(self, x, seen=[]):  # noqa: B006
        global COUNT
        COUNT += 1
        TABLES["short"].add_(1)
        TABLES["long"] = torch.ones(4)
        Switches.fast = True
        self.shared.append(2)
        seen.append(x)
        return x * COUNT


@functools.cache
def squared(value: int) -> list[int]:
    return [value**2]


class Memo(nn.Module):
    def forward(self, x):
        squared(3).append(len(x))
        return x


def closure():
    total = 0

    def add(amount):
        nonlocal total
        total += amount
        return total

    return add


class Closed(nn.Module):
    def __init__(self):
        super().__init__()
        self.add = closure()

    def forward(self, x):
        return x + self.add(2)


def test_module_level_names_defaults_and_class_attributes_come_back():
    model = Counting()
    state = ModelState.capture(model)

    model(torch.ones(1))
    state.restore()

    assert COUNT == 1
    assert list(TABLES) == ["short"]
    assert TABLES["short"].tolist() == [0, 0]
    assert Switches.fast is False
    assert model.shared == [1]
    assert Counting.forward.__defaults__ == ([],)


def test_a_memo_forgets():
    model = Memo()
    state = ModelState.capture(model)

    model(torch.ones(5))
    state.restore()

    assert squared(3) == [9]


def test_a_variable_in_a_closure_comes_back():
    model = Closed()
    state = ModelState.capture(model)
    first = model(torch.zeros(())).item()

    state.restore()
    second = model(torch.zeros(())).item()

    assert (first, second) == (2, 2)


def test_what_a_function_beside_the_model_reaches_is_kept_too():
    before = []
    state = ModelState.capture(nn.Linear(1, 1), lambda model, name: before.append(name))

    before.append("profile")
    state.restore()

    assert before == []


def test_code_of_installed_packages_is_left_alone():
    model = nn.Linear(1, 1)
    state = ModelState.capture(model)
    threads = nn.Linear.__constants__

    nn.Linear.__constants__ = ["changed"]
    state.restore()
    after, nn.Linear.__constants__ = nn.Linear.__constants__, threads

    assert after == ["changed"]
