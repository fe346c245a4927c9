"""The simulated device seen from a model, and the process after it."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.cuda import get_device_name as imported_before

from steadygraph import torch_private
from steadygraph.accelerator.simulation import simulated
from steadygraph.errors import UsageError
from steadygraph.model.gpus import GPUS, device_count
from steadygraph.torch_private.device.guard_table import GuardTable

#: What counts all tensors of a process, simulated or not.
COUNTERS = {"cache_hits", "cache_misses", "DESCRIBER_NEXT_ID"}


def everything() -> dict[tuple[str, str], object]:
    """What the names of all loaded modules of torch stand for, and those of the classes in them."""
    found: dict[tuple[str, str], object] = {}
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] != "torch":
            continue
        for name, value in list(vars(module).items()):
            found[module_name, name] = value
            if isinstance(value, type) and value.__module__.startswith("torch"):
                found |= {(f"{value.__module__}.{value.__qualname__}", key): held for key, held in vars(value).items()}
    return {key: value for key, value in found.items() if key[1] not in COUNTERS}


def state() -> tuple[object, ...]:
    """What is not a name: modes, the current device, the device guard, and what torch answers."""
    asked = (torch.cuda.is_available(), torch.cuda.is_initialized(), torch.cuda.device_count())
    accelerator = (torch.accelerator.current_accelerator(), torch.get_device_module().__name__)
    modes = (torch_private.dispatch_modes(), torch_private.function_modes(), torch_private.default_device())
    return asked, accelerator, modes, GuardTable().guard, torch.get_default_dtype(), torch.is_grad_enabled()


def compiled() -> None:
    model = nn.Sequential(nn.Linear(2, 2)).to("cuda:1")
    torch.compile(model, backend="eager")(torch.ones(1, 2, device="cuda:1"))


ACTIONS: dict[str, Callable[[], object]] = {
    "make": lambda: torch.ones(2, 2, device="cuda") @ torch.ones(2, 2, device="cuda"),
    "move": lambda: nn.Linear(2, 2).to("cuda:1").half(),
    "compile": compiled,
    "seed": lambda: torch.cuda.manual_seed_all(1),
    "set device": lambda: torch.cuda.set_device(1),
    "set stream": lambda: torch.cuda.set_stream(torch.cuda.Stream()),
    "ask accelerator": lambda: (torch.accelerator.current_accelerator(), torch.get_device_module()),
    "limit memory": lambda: torch.cuda.set_per_process_memory_fraction(0.5),
    "wrong device": lambda: torch.ones(1, device="cuda:5"),
    "mixed devices": lambda: torch.ones(1, device="cuda") + torch.ones(1),
    "missing value": lambda: torch.ones(1, device="cuda").item(),
    "backward": lambda: nn.Linear(2, 1).cuda()(torch.ones(1, 2).cuda()).sum().backward(),
    "no error of torch": lambda: {}["key"],
    "exit": lambda: sys.exit(3),
}


@pytest.fixture(scope="module")
def _warm() -> None:
    """What is imported and made for the first time is nobody's trace."""
    with simulated("cuda:2"):
        for action in ACTIONS.values():
            with contextlib.suppress(Exception, SystemExit):
                action()


@pytest.mark.usefixtures("_warm")
@settings(max_examples=4, deadline=None, derandomize=True)
@given(
    actions=st.lists(st.sampled_from(sorted(ACTIONS)), max_size=4),
    gpu=st.sampled_from(sorted(GPUS)),
    device=st.sampled_from(["cuda:1", "cuda:2", "cuda:4"]),
)
def test_leaving_leaves_no_trace_whatever_happened_inside(actions: list[str], gpu: str, device: str) -> None:
    before, state_before = everything(), state()

    with contextlib.suppress(Exception, SystemExit), simulated(device, gpu=gpu):
        for action in actions:
            ACTIONS[action]()

    after = everything()
    changed = {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}
    assert {key for key in changed if not key[0].startswith("torch._dynamo")} == set()
    assert state() == state_before


def test_a_default_device_acts_on_the_same_functions_afterwards() -> None:
    code = """
import torch
from steadygraph.accelerator.simulation import simulated
with simulated(), torch.device("cuda"):
    assert torch.tensor([1.0]).device.type == "cuda"
with torch.device("meta"):
    assert torch.tensor([1.0]).device.type == "meta"
"""

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)  # torch keeps it

    assert done.returncode == 0, done.stderr


def test_a_simulation_inside_of_another_is_refused_and_ends_neither() -> None:
    with simulated():
        with pytest.raises(UsageError) as caught, simulated(gpu="l4"):
            pass
        assert torch.cuda.get_device_name() == "NVIDIA H100 80GB HBM3"

    assert str(caught.value) == "a CUDA device is simulated already\n  hint: leave that block first"
    assert torch.cuda.is_available() is False


def test_questions_have_the_answers_of_one_gpu() -> None:
    with simulated():
        free, total = torch.cuda.mem_get_info()
        properties = torch.cuda.get_device_properties("cuda")

        assert torch.cuda.is_available() is True
        assert torch.cuda.device_count() == 1
        assert torch.cuda.current_device() == 0
        assert torch.cuda.get_device_capability() == (9, 0) == (properties.major, properties.minor)
        assert torch.cuda.get_device_name(0) == "NVIDIA H100 80GB HBM3" == properties.name
        assert free == total == properties.total_memory
        assert 79 < total / 2**30 < 80
        assert torch.cuda.memory_allocated() == 0
        assert torch.cuda.is_bf16_supported()


def test_a_function_that_was_imported_before_answers_too() -> None:
    with simulated(gpu="l4"):
        name = imported_before()

    assert name == "NVIDIA L4"


def test_streams_and_events_do_nothing() -> None:
    with simulated():
        stream, start, end = torch.cuda.Stream(), torch.cuda.Event(enable_timing=True), torch.cuda.Event()
        with torch.cuda.stream(stream):
            start.record()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()

        assert start.elapsed_time(end) == 0.0
        assert end.query()


@pytest.mark.parametrize(("device", "count"), [("cuda", 1), ("cuda:0", 1), ("cuda:1", 2), ("cuda:4", 4)])
def test_a_device_with_a_number_simulates_several(device: str, count: int) -> None:
    assert device_count(device) == count


def test_there_is_no_device_beyond_the_last() -> None:
    with simulated("cuda:4"):
        torch.ones(1, device="cuda:3")

        with pytest.raises(RuntimeError) as caught:
            torch.ones(1, device="cuda:4")

    line = test_there_is_no_device_beyond_the_last.__code__.co_firstlineno + 5
    assert str(caught.value) == (
        f"cuda:4 is asked for (tests/accelerator/test_simulation.py:{line} in "
        "test_there_is_no_device_beyond_the_last), and 4 devices are simulated\n"
        "  hint: simulate 5 devices: --device cuda:5"
    )


def test_an_unknown_gpu_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught, simulated(gpu="h10"):
        pass

    assert str(caught.value) == "no GPU called 'h10' can be simulated\n  hint: did you mean h100?"


def test_another_kind_of_device_is_a_usage_error() -> None:
    with pytest.raises(UsageError) as caught, simulated("xpu"):
        pass

    assert str(caught.value) == ("device 'xpu' cannot be simulated\n  hint: only cuda, cuda:0, cuda:1, ... can")


def test_cuda_and_cuda_0_stay_different() -> None:
    with simulated():
        tensor = torch.ones(1, device="cuda")

        assert tensor.device == torch.device("cuda:0")
        assert tensor.device != torch.device("cuda")


def test_a_model_moves_and_changes_its_type() -> None:
    with simulated():
        model = nn.Sequential(nn.Embedding(4, 2), nn.LSTM(2, 3))
        for move in (model.cuda, model.half, model.float, model.cpu, model.cuda):
            move()
        looks = {(str(p.device), p.dtype, isinstance(p, nn.Parameter)) for p in model.parameters()}

        assert looks == {("cuda:0", torch.float32, True)}


def test_values_on_the_cpu_are_there_and_copies_from_the_device_have_none() -> None:
    with simulated():
        lengths = torch.tensor([3, 5])

        assert lengths.tolist() == [3, 5]
        assert torch.ones(lengths.max().item(), device="cuda").shape == (5,)
        with pytest.raises(RuntimeError, match="the values of a tensor on a simulated device are not known"):
            int(lengths.cuda().cpu().sum())


def written_three_times(device: str) -> list[tuple[torch.Size, tuple[int, ...]]]:
    """What each write that changes the sizes of a tensor leaves, the third time that it is done to such a tensor."""
    writes: list[Callable[[torch.Tensor, torch.Tensor], object]] = [
        lambda tensor, x: setattr(tensor, "data", x),
        lambda tensor, x: tensor.set_(x),
        lambda tensor, x: tensor.unsqueeze_(0),
        lambda tensor, x: tensor.resize_(5),
        lambda tensor, x: torch.cat([x, x], out=tensor.resize_(0)),
    ]
    if hasattr(torch.ops.aten, "shallow_copy_data_"):  # what Dynamo makes of ``.data = x`` since torch 2.14
        writes.append(torch.ops.aten.shallow_copy_data_)
    left = []
    for write in writes:
        for tensor in [torch.zeros(2, 3, device=device) for _ in range(3)]:
            write(tensor, torch.ones(4, device=device))
        left.append((tensor.shape, tensor.stride()))
    return left


def test_a_write_changes_the_sizes_of_a_tensor_each_time_that_it_is_done() -> None:
    with simulated():
        on_device = written_three_times("cuda")

    assert on_device == written_three_times("cpu")


def test_a_mask_on_the_cpu_selects_without_asking_the_device() -> None:
    with simulated():
        rows = torch.ones(4, 2, device="cuda")
        mask = torch.tensor([True, False, True, True])

        assert rows[mask].shape == (3, 2)
        assert str(rows[mask.cuda()].shape[0]) == "u0"


def test_autocast_changes_the_type() -> None:
    with simulated(), torch.autocast("cuda", dtype=torch.bfloat16):
        matrix = torch.ones(2, 2, device="cuda")

        assert (matrix @ matrix).dtype is torch.bfloat16


def test_a_thread_has_the_device_that_the_thread_has_that_started_it():
    places, sums = [], []

    def work() -> None:
        for _ in range(100):
            made = torch.ones(2, device="cuda") * torch.ones(2, device="cuda")
            places.append(str(made.device))
            sums.append((torch.ones(3) + 1).sum().item())

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with simulated("cuda"):
            threads = [threading.Thread(target=work) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    finally:
        sys.setswitchinterval(before)

    assert places == ["cuda:0"] * 300
    assert sums == [6.0] * 300
