"""Of a server, and which one is current while a model is made."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from vllm.config.compilation import CompilationConfig
from vllm.config.parallel import ParallelConfig


@dataclass
class VllmConfig:
    parallel_config: ParallelConfig = field(default_factory=ParallelConfig)
    compilation_config: CompilationConfig = field(default_factory=CompilationConfig)


_current: list[VllmConfig] = []


@contextlib.contextmanager
def set_current_vllm_config(config: VllmConfig) -> Iterator[None]:
    _current.append(config)
    try:
        yield
    finally:
        _current.pop()


def get_current_vllm_config() -> Any:
    return _current[-1]
