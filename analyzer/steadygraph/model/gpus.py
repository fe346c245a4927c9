"""The GPUs that can be simulated, as ``torch.cuda.get_device_properties`` describes them, and names of devices."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

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


GPUS = {
    "h100": Gpu(
        "NVIDIA H100 80GB HBM3", 9, 0, 81_079 * _MIB, 132, 232_448, 233_472, 50 * _MIB, 1_980_000, 2_619_000, 5120
    ),
    "a100": Gpu(
        "NVIDIA A100-SXM4-80GB", 8, 0, 81_037 * _MIB, 108, 166_912, 167_936, 40 * _MIB, 1_410_000, 1_593_000, 5120
    ),
    "l4": Gpu(
        "NVIDIA L4",
        8,
        9,
        22_478 * _MIB,
        58,
        101_376,
        102_400,
        48 * _MIB,
        2_040_000,
        6_251_000,
        192,
        max_threads_per_multi_processor=1536,
    ),
    "mi300x": Gpu(
        "AMD Instinct MI300X",
        9,
        4,
        196_592 * _MIB,
        304,
        65_536,
        65_536,
        4 * _MIB,
        2_100_000,
        1_300_000,
        8192,
        gcnArchName="gfx942:sramecc+:xnack-",
        warp_size=64,
        shared_memory_per_block=65_536,
    ),
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
