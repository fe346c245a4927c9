"""The GPUs that can be simulated, as ``torch.cuda.get_device_properties`` describes them."""

from __future__ import annotations

from dataclasses import dataclass

from steadygraph.errors import UsageError
from steadygraph.near_miss import question_or_list

_MIB = 2**20
#: The GPU that is simulated if nobody names one.
DEFAULT = "h100"


@dataclass(frozen=True, slots=True)
class Gpu:
    """Device properties; the names are those of torch, sizes are in bytes."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int
    shared_memory_per_block_optin: int
    shared_memory_per_multiprocessor: int
    L2_cache_size: int
    gcnArchName: str = ""  # noqa: N815 - torch's name
    warp_size: int = 32
    max_threads_per_multi_processor: int = 2048
    max_threads_per_block: int = 1024
    regs_per_multiprocessor: int = 65536
    shared_memory_per_block: int = 48 * 1024
    is_integrated: int = 0
    is_multi_gpu_board: int = 0

    @property
    def is_amd(self) -> bool:
        return bool(self.gcnArchName)


GPUS = {
    "h100": Gpu("NVIDIA H100 80GB HBM3", 9, 0, 81_079 * _MIB, 132, 232_448, 233_472, 50 * _MIB),
    "a100": Gpu("NVIDIA A100-SXM4-80GB", 8, 0, 81_037 * _MIB, 108, 166_912, 167_936, 40 * _MIB),
    "l4": Gpu("NVIDIA L4", 8, 9, 22_478 * _MIB, 58, 101_376, 102_400, 48 * _MIB, max_threads_per_multi_processor=1536),
    "mi300x": Gpu(
        "AMD Instinct MI300X",
        9,
        4,
        196_592 * _MIB,
        304,
        65_536,
        65_536,
        4 * _MIB,
        gcnArchName="gfx942:sramecc+:xnack-",
        warp_size=64,
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
