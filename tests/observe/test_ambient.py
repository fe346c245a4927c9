"""Ambient state: what is read, and that it is cheap."""

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from steadygraph.observe.inputs.ambient import capture


def changed(context):
    """The readings that differ inside of a context."""
    module = nn.Linear(1, 1)
    before = dict(capture(module).values)
    with context:
        now = dict(capture(module).values)
    assert dict(capture(module).values) == before
    return {name: (before[name], now[name]) for name in before if before[name] != now[name]}


def test_grad_and_inference_mode_are_read():
    assert changed(torch.no_grad()) == {"grad_mode": ("True", "False")}
    assert changed(torch.inference_mode()) == {"grad_mode": ("True", "False"), "inference_mode": ("False", "True")}


def test_autocast_is_read_per_device():
    assert changed(torch.autocast("cpu", dtype=torch.float16, cache_enabled=False)) == {
        "autocast_cache": ("True", "False"),
        "autocast_cpu": ("False", "True"),
        "autocast_cpu_dtype": ("torch.bfloat16", "torch.float16"),
    }


def test_a_default_device_is_told_from_none_at_all():
    assert changed(torch.device("cpu")) == {"default_device": ("unset", "cpu")}
    assert changed(torch.device("meta")) == {"default_device": ("unset", "meta")}


def test_active_modes_are_named():
    class Counting(TorchFunctionMode):
        pass

    class Tracing(TorchDispatchMode):
        pass

    assert changed(Counting()) == {"function_modes": ("none", "Counting")}
    assert changed(Tracing()) == {"dispatch_modes": ("none", "Tracing")}


def test_switches_of_the_process_are_read():
    module = nn.Linear(1, 1)
    threads = torch.get_num_threads()
    try:
        torch.set_default_dtype(torch.float64)
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.set_float32_matmul_precision("high")
        torch.set_num_threads(1)
        values = dict(capture(module).values)
    finally:
        torch.set_default_dtype(torch.float32)
        torch.use_deterministic_algorithms(False)
        torch.set_float32_matmul_precision("highest")
        torch.set_num_threads(threads)

    assert values["default_dtype"] == "torch.float64"
    assert values["deterministic_algorithms"] == "True"
    assert values["deterministic_warn_only"] == "True"
    assert values["float32_matmul_precision"] == "high"
    assert values["num_threads"] == "1"


def test_modules_in_train_mode_are_named():
    model = nn.Sequential(nn.Linear(1, 1), nn.Sequential(nn.Dropout())).eval()
    model[1].train()

    assert capture(model).training == ("1", "1.0")
    assert capture(model.train()).training == ("", "0", "1", "1.0")
    assert capture(model.eval()).training == ()


def test_300_modules_cost_little_more_than_a_walk_over_them(shortest):
    model = nn.Sequential(*[nn.Sequential(nn.Linear(1, 1), nn.ReLU()) for _ in range(100)])

    walk = shortest(lambda: list(model.modules()))

    assert shortest(lambda: capture(model)) < 8 * walk
