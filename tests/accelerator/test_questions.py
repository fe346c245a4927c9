"""What models ask a GPU about: the answers fit each other, whatever name they are asked by, and are gone afterwards."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.cuda import Event as EventOfBefore
from torch.cuda import Stream as StreamOfBefore
from torch.cuda import current_stream as current_stream_of_before

from steadygraph.accelerator.simulation import simulated
from steadygraph.model.gpus import GPUS

#: Each with what it says on a machine whose first GPU is an H100; where torch asks NVML, CUDA is asked in its place.
ANSWERS = {
    "torch.cuda.is_available()": True,
    "torch.cuda.is_initialized()": True,
    "torch.cuda.device_count()": 2,
    "torch.cuda.current_device()": 0,
    "torch.cuda.get_device_capability()": (9, 0),
    "torch.cuda.get_device_capability('cuda:1')": (9, 0),
    "torch.cuda.get_device_name(torch.device('cuda', 1))": "NVIDIA H100 80GB HBM3",
    "torch.cuda.get_arch_list()": ["sm_90"],
    "torch.cuda.get_gencode_flags()": "-gencode compute=compute_90,code=sm_90",
    "torch.cuda.is_bf16_supported()": True,
    "torch.cuda.is_bf16_supported(including_emulation=False)": True,
    "torch.cuda.is_tf32_supported()": True,
    "torch.cuda.can_device_access_peer(0, 1)": True,
    "torch.cuda.is_current_stream_capturing()": False,
    "torch.cuda.memory_allocated()": 0,
    "torch.cuda.max_memory_allocated(1)": 0,
    "torch.cuda.memory_reserved('cuda')": 0,
    "torch.cuda.max_memory_reserved()": 0,
    "torch.cuda.memory_stats()['allocated_bytes.all.peak']": 0,
    "torch.cuda.memory_stats()['num_ooms']": 0,
    "torch.cuda.memory_snapshot()": [],
    "torch.cuda.get_allocator_backend()": "native",
    "torch.cuda.get_per_process_memory_fraction()": 1.0,
    "torch.cuda.get_sync_debug_mode()": 0,
    "torch.cuda.cudart().cudaMemGetInfo(0) == torch.cuda.mem_get_info() == torch.cuda.memory.mem_get_info(1)": True,
    "torch.cuda.current_stream() == torch.cuda.default_stream()": True,
    "torch.cuda.current_stream('cuda:1').device": torch.device("cuda:1"),
    "torch.cuda.Stream(device=1).device": torch.device("cuda:1"),
    "torch.cuda.Stream(priority=-1).priority": -1,
    "torch.cuda.Stream() == torch.cuda.Stream()": False,
    "torch.cuda.ExternalStream(7).cuda_stream": 7,
    "torch.cuda.Stream.priority_range()": (0, -5),
    "isinstance(torch.cuda.current_stream(), torch.cuda.Stream)": True,
    "torch.cuda.Event(enable_timing=True).elapsed_time(torch.cuda.Event(enable_timing=True))": 0.0,
    "torch.cuda.graph_pool_handle() is not None": True,
    "torch.cuda.nvtx.range_push('step')": 0,
    "torch.cuda.nvtx.range_start('step')": 0,
    "torch.cuda.initial_seed() == torch.cuda.default_generators[0].initial_seed()": True,
    "len(torch.cuda.get_rng_state_all())": 2,
    "torch.Generator(device='cuda').device.type": "cuda",
    "torch.accelerator.is_available()": True,
    "torch.accelerator.current_accelerator()": torch.device("cuda"),
    "torch.accelerator.device_count()": 2,
    "torch.accelerator.current_device_index()": 0,
    "torch.accelerator.current_stream() == torch.cuda.current_stream()": True,
    "torch.accelerator.memory_allocated()": 0,
    "torch.accelerator.get_memory_info() == torch.cuda.mem_get_info()": True,
    "torch.accelerator.synchronize()": None,
    "torch.accelerator.empty_cache()": None,
    "torch.get_device_module().__name__": "torch.cuda",
    "torch.get_autocast_dtype('cuda')": torch.float16,
    "torch.amp.is_autocast_available('cuda')": True,
    "torch.amp.GradScaler('cuda').is_enabled()": True,
    "torch.version.hip": None,
    "torch.version.cuda is None": False,
    "torch.ones(1, device='cuda').is_cuda": True,
    "torch.ones(1, device='cuda:1').get_device()": 1,
}
#: Called for what they do, which is nothing that can be seen.
DONE = """
torch.cuda.init()
torch.cuda.synchronize()
torch.cuda.synchronize("cuda:1")
torch.cuda.empty_cache()
torch.cuda.ipc_collect()
torch.cuda.reset_peak_memory_stats()
torch.cuda.reset_accumulated_memory_stats()
torch.cuda.reset_accumulated_host_memory_stats()
torch.cuda.host_memory_stats()
torch.cuda.memory_summary()
torch.cuda.set_per_process_memory_fraction(0.5)
torch.cuda.set_sync_debug_mode("warn")
torch.cuda.manual_seed(1)
torch.cuda.manual_seed_all(1)
torch.cuda.seed_all()
torch.cuda.set_rng_state(torch.cuda.get_rng_state())
torch.cuda.set_rng_state_all(torch.cuda.get_rng_state_all())
torch.cuda.set_stream(torch.cuda.Stream())
torch.cuda.current_stream().wait_event(torch.cuda.Event())
torch.cuda.Event().wait(torch.cuda.current_stream())
torch.cuda.nvtx.mark("step")
torch.cuda.nvtx.range_pop()
torch.cuda.profiler.start()
torch.cuda.current_blas_handle()
torch.ones(1, device="cuda").record_stream(torch.cuda.current_stream())
""".strip().splitlines()


@pytest.mark.parametrize(("question", "answer"), ANSWERS.items(), ids=ANSWERS)
def test_a_question_is_answered(question: str, answer: object) -> None:
    with simulated("cuda:2"):
        assert eval(question) == answer


@pytest.mark.parametrize("statement", DONE)
def test_a_statement_runs(statement: str) -> None:
    with simulated("cuda:2"):
        exec(statement)


def test_there_is_every_property_that_torch_declares() -> None:
    stub = (Path(torch.__file__).parent / "_C" / "__init__.pyi").read_text()
    (declared,) = re.findall(r"class _CudaDeviceProperties:\n((?:    \w+: \w+\n)+)", stub)

    with simulated():
        properties = torch.cuda.get_device_properties(0)

    assert [name for name in re.findall(r"(\w+):", declared) if not hasattr(properties, name)] == []


@pytest.mark.parametrize("gpu", GPUS)
def test_the_answers_about_a_gpu_fit_each_other(gpu: str) -> None:
    with simulated(gpu=gpu):
        properties = torch.cuda.get_device_properties("cuda")

        assert torch.cuda.get_device_name() == properties.name
        assert torch.cuda.get_device_capability() == (properties.major, properties.minor)
        assert torch.cuda.mem_get_info()[1] == properties.total_memory
        assert torch.cuda.is_bf16_supported()
        assert properties.multi_processor_count > 50
        assert (torch.version.hip is not None) == (torch.version.cuda is None) == bool(properties.gcnArchName)
        assert torch.cuda.get_arch_list()[0].startswith("gfx" if properties.gcnArchName else "sm_")


def test_the_current_device_is_the_one_that_was_set() -> None:
    with simulated("cuda:3"):
        torch.cuda.set_device("cuda:2")
        with torch.cuda.device(1):
            inside = torch.cuda.current_device(), torch.ones(1, device="cuda").device, torch.cuda.Stream().device
        with torch.cuda.device_of(torch.ones(1, device="cuda:0")):
            of = torch.cuda.current_device()

        assert inside == (1, torch.device("cuda:1"), torch.device("cuda:1"))
        assert of == 0
        assert torch.cuda.current_device() == 2 == torch.accelerator.current_device_index()
        assert torch.ones(1).cuda().device == torch.device("cuda:2")


def test_the_current_stream_is_the_one_that_was_entered() -> None:
    with simulated():
        before, stream = torch.cuda.current_stream(), torch.cuda.Stream()
        with torch.cuda.stream(stream):
            inside = torch.cuda.current_stream()
        with stream:
            again = torch.cuda.current_stream()

        assert inside == again == stream
        assert torch.cuda.current_stream() == before != stream


def test_names_that_were_imported_before_make_streams_of_the_simulated_device() -> None:
    with simulated():
        stream, event = StreamOfBefore(), EventOfBefore(enable_timing=True)
        with torch.cuda.stream(stream):
            event.record()

            assert current_stream_of_before() == stream
        stream.wait_event(event)


def test_a_graph_that_the_model_captures_by_itself_changes_nothing() -> None:
    with simulated():
        graph, x = torch.cuda.CUDAGraph(), torch.ones(2, device="cuda")
        with torch.cuda.graph(graph):
            y = x + 1
        graph.replay()

        assert y.shape == (2,)
        assert graph.pool() is not None


def test_a_module_goes_to_the_device_of_a_number() -> None:
    with simulated("cuda:1"):
        devices = [nn.Linear(1, 1).cuda(1).weight.device, nn.Linear(1, 1).to(1, torch.float16).weight.device]

        assert devices == [torch.device("cuda:1")] * 2


class SideStream(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4, device="cuda")
        self.stream = torch.cuda.Stream()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            y = self.layer(x)
            y.record_stream(self.stream)
        torch.cuda.current_stream().wait_stream(self.stream)
        return y + 1 if torch.accelerator.current_accelerator() is not None else y


class Ordered(nn.Module):
    """Each of these is one graph on a real device, by the handlers that Dynamo has for them."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.how = how
        self.stream = torch.cuda.Stream()
        self.event = torch.cuda.Event()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.how == "event":
            self.event.record()
            self.stream.wait_event(self.event)
        elif self.how == "event of a stream":
            torch.cuda.current_stream().wait_event(self.stream.record_event())
        elif self.how == "new event":
            event = torch.cuda.Event(enable_timing=True)
            event.record(self.stream)
            event.synchronize()
        elif self.how == "new stream":
            with torch.cuda.stream(torch.cuda.Stream()):
                x = x + 1
            torch.cuda.synchronize()
        elif self.how == "device":
            with torch.cuda.device(0):
                x = x + torch.cuda.get_device_capability()[0] + torch.cuda.current_device()
        return x * 2


@pytest.mark.parametrize("how", ["event", "event of a stream", "new event", "new stream", "device"])
def test_what_orders_work_is_traced(how: str) -> None:
    torch.compile(torch.neg, backend="eager")(torch.ones(2))  # Dynamo keeps whom to ask for the stream (torch 2.15)
    torch.compiler.reset()
    with simulated():
        model, x = Ordered(how), torch.ones(2, device="cuda")

        got = torch.compile(model, backend="eager", fullgraph=True)(x)

        assert (got.shape, got.device) == (model(x).shape, torch.device("cuda:0"))


def test_a_stream_of_the_host_stays_one() -> None:
    with simulated():
        assert torch.Stream(device="cpu").device.type == "cpu"


def test_streams_in_a_compiled_region_break_no_graph() -> None:
    with simulated():
        model, x = SideStream(), torch.ones(2, 4, device="cuda")

        got = torch.compile(model, backend="eager", fullgraph=True)(x)

        assert (got.shape, got.device) == (model(x).shape, torch.device("cuda:0"))


@pytest.mark.parametrize("raises", [False, True])
def test_before_and_after_there_is_nothing(raises: bool) -> None:
    def state() -> dict[str, object]:
        said = {}
        for question in (*ANSWERS, *DONE):
            try:
                said[question] = repr(eval(question))
            except Exception as error:
                said[question] = f"{type(error).__name__}: {error}"
        return said

    before = state()
    with contextlib.suppress(KeyError), simulated("cuda:2"):
        torch.cuda.set_device(1)
        if raises:
            raise KeyError

    assert state() == before
