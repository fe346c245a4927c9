"""What an engine compiled a model with, as far as it has to be known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class EngineBackend:
    """Stands for the back end of one model; no two are equal, as no two models share what is compiled of them.

    Args:
        compiler_name: What reports call it: ``inductor``.
        dims: By argument, the dimensions that the engine marks as dynamic before it compiles.
    """

    compiler_name: str
    dims: Mapping[str, Sequence[int]] = field(default_factory=dict)
