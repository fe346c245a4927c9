"""Calls of many kinds, as processes make them: each a function that is compiled, its warm-up call, and a later one."""

from __future__ import annotations

import contextlib
import functools
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import torch
from torch import nn

MODE = "text"
Pair = namedtuple("Pair", "left right")


class Kind(Enum):
    TEXT = 1
    IMAGE = 2


@dataclass
class Meta:
    lengths: torch.Tensor
    scale: int = 1
    names: list[str] = field(default_factory=list)


class Slotted:
    __slots__ = ("bias", "factor")

    def __init__(self, bias: torch.Tensor, factor: int) -> None:
        self.bias, self.factor = bias, factor


class Cache(dict[str, Any]):
    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.inner = nn.Sequential(nn.Linear(4, 4))
        self.gain = 1.0
        self.parts: list[int] = [1]

    def forward(self, x: torch.Tensor, extra: Any = None, **more: Any) -> torch.Tensor:
        h = self.layer(x) * self.gain
        h = h + 1 if MODE == "image" else h
        for part in self.parts:
            h = h + part
        for value in more.values():
            h = h + value
        if self.inner.training:
            h = self.inner(h)
        return h if extra is None else with_extra(h, extra)

    def decode(self, x: torch.Tensor, step: int) -> torch.Tensor:
        return self.layer(x) * 2 if step > 3 else self.layer(x)


def with_extra(h: torch.Tensor, extra: Any) -> torch.Tensor:
    if isinstance(extra, Meta):
        return h * extra.scale + extra.lengths.sum()
    if isinstance(extra, Slotted):
        return h * extra.factor + extra.bias
    if isinstance(extra, Cache):
        return h + extra["k"] * extra.step
    if isinstance(extra, Pair):
        return h + extra.left - extra.right
    if isinstance(extra, dict):
        return h + sum(extra.values())
    if isinstance(extra, list):
        return h + len(extra) * extra[0]
    if isinstance(extra, Kind):
        return h * (3 if extra is Kind.IMAGE else 2)
    return h + extra if extra.is_floating_point() else h[extra.long()]


def closing_over(factor: int) -> Callable[..., torch.Tensor]:
    def scaled(x: torch.Tensor, y: torch.Tensor | None = None) -> torch.Tensor:
        return x * factor if y is None else x * factor + y

    return scaled


def summed(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return x + y if y.dtype == torch.float32 else x - y


Calls = tuple[Callable[..., Any], Callable[[], Any], Callable[[], Any]]
KINDS: dict[str, Callable[[], Calls]] = {}


def kind(made: Callable[[], Calls]) -> Callable[[], Calls]:
    KINDS[made.__name__.replace("_", " ")] = made
    return made


def compiled(target: Any) -> Any:
    return torch.compile(target, backend="eager", dynamic=False)


def x() -> torch.Tensor:
    return torch.ones(3, 4)


def with_arguments(profile: Any, serving: Any) -> Calls:
    model = Model().eval()
    call = compiled(model)
    return model, lambda: call(x(), profile()), lambda: call(x(), serving())


@contextlib.contextmanager
def mode(value: str) -> Iterator[None]:
    globals()["MODE"] = value
    yield
    globals()["MODE"] = "text"


def changed(change: Callable[[Model], object]) -> Calls:
    model = Model().eval()
    call = compiled(model)

    def later() -> Any:
        change(model)
        return call(x())

    return model, lambda: call(x()), later


def none() -> None:
    return None


@kind
def a_tensor_that_was_none() -> Calls:
    return with_arguments(none, x)


@kind
def a_key_more() -> Calls:
    return with_arguments(lambda: {"a": x()}, lambda: {"a": x(), "b": x()})


@kind
def an_ordered_dict_with_other_keys() -> Calls:
    return with_arguments(lambda: OrderedDict(a=x()), lambda: OrderedDict(b=x()))


@kind
def a_longer_list() -> Calls:
    return with_arguments(lambda: [x()], lambda: [x(), x()])


@kind
def a_named_tuple() -> Calls:
    return with_arguments(none, lambda: Pair(x(), x() * 2))


@kind
def a_dataclass_with_another_number() -> Calls:
    return with_arguments(lambda: Meta(torch.tensor([1, 2])), lambda: Meta(torch.tensor([1, 2]), 3, ["a"]))


@kind
def an_object_with_slots() -> Calls:
    return with_arguments(lambda: Slotted(x(), 1), lambda: Slotted(x(), 2))


@kind
def a_cache_that_counts() -> Calls:
    def cache(step: int) -> Cache:
        made = Cache(step)
        made["k"] = x()
        return made

    return with_arguments(functools.partial(cache, 1), functools.partial(cache, 5))


@kind
def an_enum_member() -> Calls:
    return with_arguments(lambda: Kind.TEXT, lambda: Kind.IMAGE)


@kind
def another_dtype() -> Calls:
    return with_arguments(x, lambda: torch.tensor([0, 2, 1], dtype=torch.int32))


@kind
def another_layout() -> Calls:
    return with_arguments(x, lambda: torch.ones(4, 3).t())


@kind
def a_slice_with_an_offset() -> Calls:
    return with_arguments(x, lambda: torch.ones(6, 8)[2:5, 1:8:2])


@kind
def another_size() -> Calls:
    return with_arguments(x, lambda: torch.ones(1, 4))


@kind
def a_parameter() -> Calls:
    return with_arguments(x, lambda: nn.Parameter(x()))


@kind
def an_argument_by_another_name() -> Calls:
    model = Model().eval()
    call = compiled(model)
    return model, lambda: call(x()), lambda: call(x(), bias=x())


@kind
def one_tensor_twice() -> Calls:
    call = compiled(summed)
    one = x()
    return summed, lambda: call(x(), x()), lambda: call(one, one)


@kind
def an_attribute_of_the_model() -> Calls:
    return changed(lambda model: setattr(model, "gain", 2.0))


@kind
def a_list_of_the_model_that_grew() -> Calls:
    return changed(lambda model: model.parts.append(2))


@kind
def a_part_in_train_mode() -> Calls:
    return changed(lambda model: model.inner.train())


@kind
def a_module_level_name() -> Calls:
    model = Model().eval()
    call = compiled(model)

    def later() -> Any:
        with mode("image"):
            return call(x())

    return model, lambda: call(x()), later


@kind
def no_gradients() -> Calls:
    model = Model().eval()
    call = compiled(model)
    return model, lambda: call(x()), torch.no_grad()(lambda: call(x()))


@kind
def autocast() -> Calls:
    model = Model().eval()
    call = compiled(model)
    return model, lambda: call(x()), torch.autocast("cpu", torch.bfloat16)(lambda: call(x()))


@kind
def a_method() -> Calls:
    model = Model().eval()
    call = compiled(model.decode)
    return model, lambda: call(x(), 1), lambda: call(x(), 5)


@kind
def a_forward_that_was_compiled_in_place() -> Calls:
    model = Model().eval()
    model.forward = torch.compile(model.forward, backend="eager", dynamic=False)  # type: ignore[method-assign]
    return model, lambda: model(x()), lambda: model(x(), x())


@kind
def a_part_that_was_compiled() -> Calls:
    model = Model().eval()
    model.inner = compiled(model.inner)
    call = compiled(model)
    return model, lambda: call(x()), lambda: call(x(), x())


@kind
def a_module_that_was_compiled_in_place() -> Calls:
    model = Model().eval()
    model.compile(backend="eager", dynamic=False)
    return model, lambda: model(x()), lambda: model(x(), x())


@kind
def a_function() -> Calls:
    call = compiled(summed)
    return summed, lambda: call(x(), x()), lambda: call(x(), x().double())


@kind
def a_function_in_a_function() -> Calls:
    function = closing_over(3)
    call = compiled(function)
    return function, lambda: call(x()), lambda: call(x(), x())


@kind
def a_lambda() -> Calls:
    function: Any = lambda x, y=None: x * 2 if y is None else x + y  # noqa: E731
    call = compiled(function)
    return function, lambda: call(x()), lambda: call(x(), x())
