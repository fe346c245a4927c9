"""A model's own values, whatever its code calls the model: the oracle is the same model with a plain ``self``."""

from collections.abc import Sequence

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import Finding, Policy


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight, self.gain = nn.Parameter(torch.eye(3), requires_grad=False), 1

    def forward(self, x, bias=None):  # type: ignore[no-untyped-def]
        y = x @ self.weight * self.gain
        return y if bias is None else y + bias


class Undecorated(Plain):
    pass


class NoGrad(Plain):
    forward = torch.no_grad()(Plain.forward)  # type: ignore[assignment]


def passing_on(function):  # type: ignore[no-untyped-def]
    def call(*args, **kwargs):  # type: ignore[no-untyped-def]
        return function(*args, **kwargs)

    return call


class PutAround(Plain):
    def __init__(self) -> None:
        super().__init__()
        self.forward = passing_on(self.forward)  # type: ignore[method-assign]


class Decorated(Plain):
    forward = passing_on(Plain.forward)


class OtherName(Plain):
    def forward(this, x, bias=None):  # type: ignore[no-untyped-def]  # noqa: N805
        y = x @ this.weight * this.gain
        return y if bias is None else y + bias


def change(model: nn.Module, name: str) -> None:
    if name == "gain":
        model.gain = 3  # type: ignore[assignment]
    if name == "moved":
        model.gain = 1  # type: ignore[assignment]
        model.weight.data = torch.eye(3) * 2


def found(build: type[nn.Module]) -> Sequence[Finding]:
    x, bias = torch.ones(2, 3), torch.ones(3)
    case = Case(
        build=build,
        before=change,
        profile=lambda: ((x,), {}),
        serving=lambda: {"bias": ((x, bias), {}), "gain": ((x,), {}), "moved": ((x,), {})},
    )
    return analyze_case(case, Settings(policies=(Policy.RECOMPILE, Policy.DROP, Policy.CUDA_GRAPH))).findings


def told(findings: Sequence[Finding]) -> list[tuple[str, str, str, str]]:
    return [(one.rule, one.scenario, one.message, one.fix) for one in findings]


@pytest.fixture(scope="module")
def plain() -> list[tuple[str, str, str, str]]:
    return told(found(Undecorated))


def test_a_plain_model_names_the_argument_the_attribute_and_the_weight(plain: list[tuple[str, str, str, str]]) -> None:
    assert {(rule, scenario) for rule, scenario, _, _ in plain} == {
        ("SG101", "bias"),
        ("SG301", "gain"),
        ("SG501", "moved"),
    }


@pytest.mark.parametrize("build", [NoGrad, PutAround, Decorated, OtherName])
def test_what_changed_is_named_as_in_a_plain_model(
    build: type[nn.Module], plain: list[tuple[str, str, str, str]]
) -> None:
    same = [tuple(text.replace("this.", "self.") for text in one) for one in told(found(build))]

    assert same == plain


def counting() -> nn.Module:
    step = 0

    class Counting(nn.Module):
        def forward(self, x):  # type: ignore[no-untyped-def]
            nonlocal step
            step += 1
            return x + step

    return Counting()


def test_a_number_of_an_enclosing_function_is_a_variable_and_no_argument() -> None:
    x = torch.ones(2)
    case = Case(build=counting, profile=lambda: ((x,), {}), serving=lambda: {"next": ((x,), {})})

    (one,) = analyze_case(case, Settings()).findings

    assert (one.rule, one.message, one.fix) == (
        "SG201",
        "variable `step` is 0 at profile, 1 at serving, and the graph computes with 0",
        "Keep `step` in a 0-d tensor or a registered buffer in place of a Python int.",
    )
