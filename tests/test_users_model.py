"""Whatever ``build()`` and ``profile()`` hand over is the user's, who goes on with it: nothing of it may be another."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.parameter import is_lazy
from torch.testing._internal.two_tensor import TwoTensor

import steadygraph
from steadygraph.case.case import Case
from steadygraph.errors import SteadygraphError

Look = dict[str, object]


def look(root: object) -> Look:
    """All that can be seen of an object and what hangs on it: identities, memory, values, order."""
    found: Look = {}
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("", root)]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, torch.Tensor):
            found[name] = id(value), of_tensor(value)
            waiting += [(f"{name}.grad", value.grad)] if value.is_leaf and value.grad is not None else []
            waiting.append((f"{name}.__dict__", value.__dict__))
        elif value is None or isinstance(value, bool | int | float | str):
            found[name] = value
        else:
            found[name] = id(value), type(value)
            if id(value) not in seen:
                seen.add(id(value))
                waiting += held(name, value)
    return found


def of_tensor(tensor: torch.Tensor) -> tuple[object, ...]:
    kind = type(tensor), tensor.dtype, tensor.device, tensor.requires_grad, tensor.is_leaf, tensor.layout
    if is_lazy(tensor) or tensor.layout is not torch.strided:
        return kind if is_lazy(tensor) else (*kind, tensor.to_dense().tolist())
    if isinstance(tensor, TwoTensor):
        return (*kind, of_tensor(tensor.a), of_tensor(tensor.b))
    numbers = tensor.detach().int_repr() if tensor.is_quantized else tensor.detach()
    place = tensor.data_ptr(), tensor.untyped_storage().nbytes(), tensor.storage_offset(), tensor.stride()
    return (*kind, *place, tensor.shape, str(numbers.tolist()))


def held(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        yield f"{name}:keys", str([key if isinstance(key, str | int) else id(key) for key in value])
        yield from ((f"{name}[{number}]", item) for number, item in enumerate(value.values()))
    elif isinstance(value, list | tuple):
        yield f"{name}:length", len(value)
        yield from ((f"{name}[{number}]", item) for number, item in enumerate(value))
    elif isinstance(value, nn.Module) or (hasattr(value, "__dict__") and not callable(value)):
        yield f"{name}.__dict__", vars(value)
        slots = [slot for cls in type(value).__mro__ for slot in vars(cls).get("__slots__", ()) if slot[0] != "_"]
        yield from ((f"{name}.{slot}", getattr(value, slot, "empty")) for slot in slots)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 4)

    def forward(self, x, then=None):
        if then == "raise":
            raise ValueError("bad request")
        if then == "interrupt":
            raise KeyboardInterrupt
        return self.run(x)

    def run(self, x):
        return self.linear(x)


class NotContiguous(Net):
    def __init__(self):
        super().__init__()
        self.linear.weight = nn.Parameter(torch.rand(4, 8)[:, ::2])
        self.linear.bias = nn.Parameter(torch.rand(8)[::2])


class Tied(Net):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 4)
        self.head.weight = self.linear.weight

    def run(self, x):
        return self.head(self.linear(x))


class Counts(Net):
    def __init__(self):
        super().__init__()
        self.register_buffer("absent", None)
        self.register_parameter("no_bias", None)
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("scratch", torch.ones(4), persistent=False)

    def run(self, x):
        self.calls.add_(1)
        self.scratch = self.scratch * 2
        return self.linear(x) + self.scratch


class ViewsOfOneStorage(Net):
    def __init__(self):
        super().__init__()
        memory = torch.rand(40)
        self.weight = nn.Parameter(memory[:16].view(4, 4))
        self.register_buffer("row", memory[16:20])
        self.whole = [memory.view(5, 8), memory[20:24]]

    def run(self, x):
        self.row.mul_(2)
        self.whole[1].add_(1)
        return x @ self.weight + self.row


class PlainAttributes(Net):
    def __init__(self):
        super().__init__()
        self.modules_in_list = [nn.Linear(4, 4)]
        self.tables = {"one": torch.ones(4), "more": {"two": [torch.zeros(2)]}}
        self.seen = 0

    def run(self, x):
        self.seen += 1
        self.modules_in_list.append(self.seen)
        self.tables["last"] = x
        return self.linear(x)


class Slots(Net):
    __slots__ = ("empty", "extra")

    def __init__(self):
        super().__init__()
        self.extra = torch.ones(4)

    def run(self, x):
        self.extra = self.extra + 1
        return self.linear(x)


class OwnTo(Net):
    """Moves what torch does not, and forgets to return itself."""

    def __init__(self):
        super().__init__()
        self.table, self.place = torch.ones(4), "cpu"

    def to(self, *args, **kwargs):
        super().to(*args, **kwargs)
        self.table, self.place = self.table.to(*args, **kwargs), str(args)

    def run(self, x):
        return self.linear(x) + self.table


class OwnApply(OwnTo):
    to = nn.Module.to

    def _apply(self, fn, *args):
        self.table = fn(self.table)
        self.linear.weight.moved = True
        return super()._apply(fn, *args)


class MoveThatFails(Net):
    def to(self, *args, **kwargs):
        super().to(*args, **kwargs)
        raise RuntimeError("out of memory")


class WrappedWeight(Net):
    """As quantised weights are: a tensor of tensors, whose contents torch swaps when it moves them."""

    def __init__(self):
        super().__init__()
        self.linear.weight = nn.Parameter(TwoTensor(torch.rand(4, 4), torch.rand(4, 4)))


class BecomesAnother(Net):
    def run(self, x):
        self.linear.weight.requires_grad_(False)
        self.eval()
        self.__class__ = Net
        return self.linear(x)


def lazy() -> nn.Module:
    return nn.Sequential(nn.LazyLinear(4), nn.ReLU())


def with_gradients() -> nn.Module:
    model = Net()
    model(torch.ones(2, 4)).sum().backward()
    model.linear.bias.requires_grad_(False)
    return model


def in_modes() -> nn.Module:
    model = nn.Sequential(Net(), nn.Dropout(0.5), nn.BatchNorm1d(4))
    model[1].eval()
    return model


def with_hooks() -> nn.Module:
    model = Net()
    model.register_forward_hook(lambda *_call: None)
    model.linear.register_forward_pre_hook(lambda *_call: None)
    model.linear.weight.note = {"loaded": [1]}
    return model


def with_forward_replaced() -> nn.Module:
    model = Net()
    original = model.forward
    model.forward = functools.wraps(original)(lambda *args, **kwargs: original(*args, **kwargs))
    return model


def with_compiled_child() -> nn.Module:
    model = Net()
    model.linear = torch.compile(model.linear, backend="eager")
    return model


def quantised() -> nn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)), {nn.Linear}, dtype=torch.qint8)


def with_parametrization() -> nn.Module:
    return nn.utils.parametrizations.weight_norm(nn.Linear(4, 4))


KINDS = (
    *(
        Net,
        NotContiguous,
        Tied,
        WrappedWeight,
        Counts,
        ViewsOfOneStorage,
        PlainAttributes,
        Slots,
        OwnTo,
        OwnApply,
        MoveThatFails,
    ),
    *(BecomesAnother, lazy, with_gradients, in_modes, with_hooks, with_forward_replaced, with_compiled_child),
    *(quantised, with_parametrization, lambda: Net().to(torch.bfloat16), lambda: Net().double()),
)
Ways = Callable[[nn.Module, torch.Tensor, torch.Tensor], tuple[Case, str | None]]


def plain(model: nn.Module, x: torch.Tensor, y: torch.Tensor, **kwargs: str) -> Case:
    return Case(build=lambda: model, profile=lambda: ((x,), {}), serving=lambda: {"a": ((y,), kwargs)})


def moved(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[Case, str | None]:
    return plain(model, x, y), "cuda"


def here(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[Case, str | None]:
    return plain(model, x, y), None


def interrupted(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[Case, str | None]:
    return plain(model, x, y, then="interrupt"), "cuda"


def moved_by_build(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[Case, str | None]:
    case = Case(
        build=lambda: model.cuda(),
        profile=lambda: ((x.cuda(),), {}),
        serving=lambda: {"a": ((y.cuda(),), {})},
        device="cuda",
    )
    return case, None


def failing_in_build(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[Case, str | None]:
    def build() -> nn.Module:
        model.cuda()
        raise RuntimeError("no checkpoint")

    return Case(build=build, profile=lambda: ((x,), {}), serving=lambda: {"a": ((y,), {})}), "cuda"


def analysed(case: Case, device: str | None) -> None:
    """Some of these cannot be analysed, which is not the question here."""
    with contextlib.suppress(SteadygraphError, KeyboardInterrupt):
        steadygraph.analyze(case, device=device)


def inputs_of(model: nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    dtype = next((p.dtype for p in model.parameters()), torch.float32)
    return torch.ones(2, 4, dtype=dtype), torch.ones(3, 4, dtype=dtype)


def assert_untouched(make: Callable[[], nn.Module], way: Ways, times: int = 1) -> None:
    model = make()
    x, y = inputs_of(model)
    everything = [model, x, y]
    before = look(everything)

    for _ in range(times):
        analysed(*way(model, x, y))

    after = look(everything)
    assert {name: (was, after.get(name)) for name, was in before.items() if after.get(name) != was} == {}
    assert after.keys() == before.keys()


@pytest.mark.parametrize("make", KINDS)
def test_a_model_is_as_it_was_after_an_analysis_for_a_device_that_is_not_there(make: Callable[[], nn.Module]) -> None:
    assert_untouched(make, moved)


@pytest.mark.parametrize("make", [Net, Tied])
def test_a_model_is_as_it_was_where_torch_swaps_what_it_moves(make: Callable[[], nn.Module]) -> None:
    before = torch.__future__.get_swap_module_params_on_conversion()
    torch.__future__.set_swap_module_params_on_conversion(True)
    try:
        assert_untouched(make, moved)
    finally:
        torch.__future__.set_swap_module_params_on_conversion(before)


@pytest.mark.parametrize("make", [Counts, ViewsOfOneStorage, PlainAttributes, Slots, BecomesAnother, lazy])
def test_a_model_that_changes_itself_is_as_it_was(make: Callable[[], nn.Module]) -> None:
    assert_untouched(make, here, times=2)


@pytest.mark.parametrize("way", [interrupted, moved_by_build, failing_in_build])
@pytest.mark.parametrize("make", [Tied, PlainAttributes, OwnApply])
def test_a_model_is_as_it_was_however_the_analysis_ends(make: Callable[[], nn.Module], way: Ways) -> None:
    assert_untouched(make, way)


def test_a_model_can_be_used_and_analysed_again() -> None:
    model = Net()
    x, y = inputs_of(model)
    expected = model(x)

    first = steadygraph.analyze(plain(model, x, y), device="cuda")
    second = steadygraph.analyze(plain(model, x, y), device="cuda")

    assert torch.equal(model(x), expected)
    assert [(one.rule, one.message) for one in first.findings] == [(one.rule, one.message) for one in second.findings]


def test_weights_that_are_tied_are_tied_on_a_device_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    model = Tied()
    x, y = inputs_of(model)

    def before(moved: nn.Module, _call: str) -> None:
        print(moved.linear.weight.device, moved.head.weight is moved.linear.weight)

    steadygraph.analyze(dataclasses.replace(plain(model, x, y), before=before), device="cuda")

    assert set(capsys.readouterr().out.splitlines()) == {"cuda:0 True"}
