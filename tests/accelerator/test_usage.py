"""Devices that are asked for and not there, and devices that are there and not asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from steadygraph.accelerator.simulation import simulated
from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.errors import DeviceError, UsageError
from steadygraph.model.gpus import device_count, device_name

from ..conftest import Ran

HERE = "tests/accelerator/test_usage.py"
ASKING: dict[str, Callable[[], object]] = {
    "factory": lambda: torch.ones(1, device="cuda:2"),
    "list": lambda: torch.tensor([1], device="cuda:2"),
    "move": lambda: torch.ones(1).to("cuda:2"),
    "module": lambda: nn.Linear(1, 1).to("cuda:2"),
    "number": lambda: nn.Linear(1, 1).cuda(2),
    "set": lambda: torch.cuda.set_device(2),
    "block": lambda: torch.cuda.device(2).__enter__(),
    "properties": lambda: torch.cuda.get_device_properties(2),
    "memory": lambda: torch.cuda.mem_get_info("cuda:2"),
    "stream": lambda: torch.cuda.Stream("cuda:2"),
    "accelerator": lambda: torch.accelerator.set_device_index(2),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
def test_a_device_that_is_not_there_is_named_with_the_line_and_the_option(ask: Callable[[], object]) -> None:
    with simulated("cuda:1"), pytest.raises(DeviceError) as caught:
        ask()

    assert str(caught.value) == (
        f"cuda:2 is asked for ({HERE}:{ask.__code__.co_firstlineno} in <lambda>), and 2 devices are simulated\n"
        "  hint: simulate 3 devices: --device cuda:3"
    )


def test_the_option_that_is_advised_simulates_as_many_as_are_needed() -> None:
    assert [device_count(device_name(count)) for count in range(1, 9)] == list(range(1, 9))


def test_a_model_that_is_prepared_for_the_error_goes_on() -> None:
    with simulated():
        try:
            device = torch.ones(1, device="cuda:1").device
        except RuntimeError:
            device = torch.ones(1, device="cuda:0").device

    assert device == torch.device("cuda:0")


class OnDevices(nn.Module):
    def __init__(self, *indices: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(2, 2, device=f"cuda:{index}") for index in indices)

    def forward(self, x, fail=False):
        if fail:
            raise ValueError("no request")
        return [layer(x.to(layer.weight.device)) for layer in self.layers]


def case(build: Callable[[], nn.Module], **changes) -> Case:
    def x():
        return torch.ones(1, 2, device="cuda")

    values = {
        "build": build,
        "profile": lambda: ((x(),), {}),
        "serving": lambda: {"again": ((x(),), {})},
        "device": "cuda:4",
    }
    return Case(**{**values, **changes})


def told(build: Callable[[], nn.Module], **changes) -> str:
    with pytest.raises(UsageError) as caught:
        analyze_case(case(build, **changes), Settings())
    return str(caught.value)


def test_more_devices_than_are_used_are_a_usage_error() -> None:
    assert told(lambda: OnDevices(0)) == (
        "cuda:4 simulates 4 devices, and the model and its calls use 1\n"
        "  hint: simulate as many as are used: --device cuda"
    )
    assert told(lambda: OnDevices(0, 2)) == (
        "cuda:4 simulates 4 devices, and the model and its calls use 3\n"
        "  hint: simulate as many as are used: --device cuda:3"
    )


def test_a_seed_asks_for_no_number_of_devices() -> None:
    def build():
        torch.manual_seed(0)
        torch.cuda.manual_seed_all(0)
        assert torch.cuda.is_available()
        return OnDevices(0)

    assert told(build).startswith("cuda:4 simulates 4 devices, and the model and its calls use 1\n")


@pytest.mark.parametrize("count", [torch.cuda.device_count, torch.accelerator.device_count])
def test_a_model_that_asks_how_many_there_are_may_have_more(count: Callable[[], int]) -> None:
    def build():
        assert count() == 4
        return OnDevices(0)

    assert analyze_case(case(build), Settings()).findings == ()


def failing(**changes) -> Case:
    return case(
        lambda: OnDevices(0), serving=lambda: {"bad": ((torch.ones(1, 2, device="cuda"),), {"fail": True})}, **changes
    )


def test_an_option_with_more_devices_is_told_even_if_a_call_ends_early() -> None:
    with pytest.raises(UsageError) as caught:
        analyze_case(failing(device="cuda"), Settings(device="cuda:4"))

    assert str(caught.value) == (
        "cuda:4 simulates 4 devices, and the model and its calls use 1\n"
        "  hint: simulate as many as are used: --device cuda"
    )


def test_a_case_may_know_of_devices_that_a_call_which_ends_early_had_still_to_ask_for() -> None:
    report = analyze_case(failing(device="cuda:4"), Settings())

    assert [str(s.eager_error) for s in report.scenarios if s.eager_error] == ["ValueError: no request"]


def test_a_call_that_asks_for_a_device_that_is_not_there_ends_the_analysis() -> None:
    line = OnDevices.forward.__code__.co_firstlineno + 3
    later = {"device": "cuda", "serving": lambda: {"far": ((Far(),), {})}}

    class Far:
        def to(self, device: object) -> torch.Tensor:
            return torch.ones(1, 2, device="cuda:1")

    assert line > 0
    assert told(lambda: OnDevices(0), **later) == (
        f"cuda:1 is asked for ({HERE}:{Far.to.__code__.co_firstlineno + 1} in to), and 1 device is simulated\n"
        "  hint: simulate 2 devices: --device cuda:2"
    )


def test_the_command_line_ends_with_a_usage_error(tmp_path: Path, cli: Callable[..., Ran]) -> None:
    (tmp_path / "case.py").write_text(
        "import torch\n"
        "DEVICE = 'cuda'\n"
        "def build(): return torch.nn.Linear(2, 2, device='cuda:2')\n"
        "def profile(): return (torch.ones(1, 2, device='cuda:2'),), {}\n"
        "def serving(): return {'same': profile()}\n"
    )
    without = cli("analyze", "case.py")
    advised = cli("analyze", "case.py", "--device", "cuda:3", "--gpu", "l4")

    assert without == (
        2,
        "",
        "error: case.py: cuda:2 is asked for (case.py:3 in build), and 1 device is simulated\n"
        "  hint: simulate 3 devices: --device cuda:3\n",
    )
    assert advised.code == 0, advised.err
    assert "cuda:3 is simulated (3 x NVIDIA L4)" in advised.out
