"""The GPUs that can be simulated, as ``torch.cuda.get_device_properties`` describes them, and names of devices."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steadygraph.errors import UsageError
from steadygraph.errors.near_miss import question_or_list

_MIB = 2**20
#: The GPU that is simulated if nobody names one.
DEFAULT = "h100"
_CUDA = re.compile(r"cuda(?::(0|[1-9]\d*))?")
#: c10::DeviceIndex has eight bits.
_MOST_DEVICES = 127
DEVICE_HINT = "devices are cuda, cuda:N for several, and cpu"


@dataclass(frozen=True, slots=True)
class Gpu:
    """Device properties; the names are those of torch, sizes are in bytes, clocks in kHz, the bus in bits."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    shared_memory_per_block_optin: int
    shared_memory_per_multiprocessor: int
    L2_cache_size: int
    clock_rate: int
    memory_clock_rate: int
    memory_bus_width: int
    gcnArchName: str = ""  # noqa: N815 - torch's name
    warp_size: int = 32
    max_threads_per_multi_processor: int = 2048
    max_threads_per_block: int = 1024
    regs_per_multiprocessor: int = 65536
    shared_memory_per_block: int = 48 * 1024
    is_integrated: int = 0
    is_multi_gpu_board: int = 0
    uuid: str = field(default="00000000-0000-0000-0000-000000000000")
    pci_bus_id: int = 0
    pci_device_id: int = 0
    pci_domain_id: int = 0

    @property
    def is_amd(self) -> bool:
        return bool(self.gcnArchName)

    @property
    def architecture(self) -> str:
        """What ``torch.cuda.get_arch_list`` calls it: ``sm_90``, ``gfx942``."""
        return self.gcnArchName.partition(":")[0] or f"sm_{self.major}{self.minor}"


def _nvidia(
    name: str,
    capability: tuple[int, int],
    memory_mib: int,
    processors: int,
    l2_mib: float,
    clocks_and_bus: tuple[int, int, int],
    others: Mapping[str, int],
) -> Gpu:
    clock, memory_clock, bus = clocks_and_bus
    one = Gpu(
        name,
        *capability,
        total_memory=memory_mib * _MIB,
        multi_processor_count=processors,
        shared_memory_per_block_optin=others["shared_memory_per_block_optin"],
        shared_memory_per_multiprocessor=others["shared_memory_per_multiprocessor"],
        L2_cache_size=int(l2_mib * _MIB),
        clock_rate=clock,
        memory_clock_rate=memory_clock,
        memory_bus_width=bus,
    )
    return replace(one, **others)  # type: ignore[arg-type]


def _amd(
    name: str,
    capability: tuple[int, int],
    architecture: str,
    memory_mib: int,
    processors: int,
    clocks_and_bus: tuple[int, int, int],
    others: Mapping[str, int],
) -> Gpu:
    """The L2 cache is that of one of the dies, as the driver has it."""
    one = _nvidia(name, capability, memory_mib, processors, 4, clocks_and_bus, others)
    return replace(one, gcnArchName=f"{architecture}:sramecc+:xnack-", warp_size=64)


_HOPPER = {"shared_memory_per_block_optin": 232_448, "shared_memory_per_multiprocessor": 233_472}
_ADA = {
    "shared_memory_per_block_optin": 101_376,
    "shared_memory_per_multiprocessor": 102_400,
    "max_threads_per_multi_processor": 1536,
}
_CDNA3 = {
    "shared_memory_per_block": 65_536,
    "shared_memory_per_block_optin": 65_536,
    "shared_memory_per_multiprocessor": 65_536,
}
_CDNA4 = {
    "shared_memory_per_block": 163_840,
    "shared_memory_per_block_optin": 163_840,
    "shared_memory_per_multiprocessor": 163_840,
}

#: Shared memory and threads are those of the compute capability in the CUDA programming guide, of the AMD ones those of
#: hipGetDeviceProperties; sizes, buses and L2 caches are as drivers report them (of a B200: pytorch/ao pull request
#: 4002; of an MI300X: rocm-build issue 4203), clocks as vendors state them.
GPUS = {
    "h100": _nvidia("NVIDIA H100 80GB HBM3", (9, 0), 81_079, 132, 50, (1_980_000, 2_619_000, 5120), _HOPPER),
    "h200": _nvidia("NVIDIA H200", (9, 0), 143_167, 132, 60, (1_980_000, 3_201_000, 6144), _HOPPER),
    "b200": _nvidia("NVIDIA B200", (10, 0), 182_630, 148, 126.5, (1_965_000, 3_996_000, 7680), _HOPPER),
    "a100": _nvidia(
        "NVIDIA A100-SXM4-80GB",
        (8, 0),
        81_037,
        108,
        40,
        (1_410_000, 1_593_000, 5120),
        {"shared_memory_per_block_optin": 166_912, "shared_memory_per_multiprocessor": 167_936},
    ),
    "a10g": _nvidia("NVIDIA A10G", (8, 6), 22_731, 80, 6, (1_710_000, 6_251_000, 384), _ADA),
    "l4": _nvidia("NVIDIA L4", (8, 9), 22_478, 58, 48, (2_040_000, 6_251_000, 192), _ADA),
    "l40s": _nvidia("NVIDIA L40S", (8, 9), 45_589, 142, 96, (2_520_000, 9_001_000, 384), _ADA),
    "mi300x": _amd("AMD Instinct MI300X", (9, 4), "gfx942", 196_592, 304, (2_100_000, 1_300_000, 8192), _CDNA3),
    "mi355x": _amd("AMD Instinct MI355X", (9, 5), "gfx950", 294_896, 256, (2_400_000, 2_000_000, 8192), _CDNA4),
}


def named(name: str) -> Gpu:
    """The GPU of that name.

    Raises:
        UsageError: There is none; the hint names those that there are.
    """
    if name not in GPUS:
        raise UsageError(f"no GPU called {name!r} can be simulated", hint=question_or_list(name, GPUS, "known GPUs"))
    return GPUS[name]


def is_device(name: object) -> bool:
    """Is this the name of a device that can be analysed for?"""
    return isinstance(name, str) and (name == "cpu" or _is_cuda(name))


def device_count(device: str) -> int:
    """How many devices a name asks for.  ``cuda:1`` cannot mean one device: that is what ``cuda`` says.

    Raises:
        UsageError: It is no CUDA device.
    """
    match = _CUDA.fullmatch(device)
    if match is None or not _is_cuda(device):
        raise UsageError(f"device {device!r} cannot be simulated", hint="only cuda, cuda:0, cuda:1, ... can")
    index = int(match[1] or 0)
    return index if index > 1 else index + 1


def device_name(count: int) -> str:
    """The name that asks for so many devices."""
    return "cuda" if count == 1 else f"cuda:{count}"


def _is_cuda(name: str) -> bool:
    match = _CUDA.fullmatch(name)
    return match is not None and int(match[1] or 0) <= _MOST_DEVICES
