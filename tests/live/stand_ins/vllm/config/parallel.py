"""Ranks."""

from dataclasses import dataclass


@dataclass
class ParallelConfig:
    rank: int = 0
    world_size: int = 1
    data_parallel_index: int = 0
