"""A simulated CUDA device for machines without one: tensors on it have metadata and no values.

Whoever is outside of this folder takes from here, and from nowhere else in it.
"""

from __future__ import annotations

from steadygraph.accelerator.comparing.comparisons import ComparisonWatch
from steadygraph.accelerator.dispatch import mismatch_of
from steadygraph.accelerator.guard_library import compiler
from steadygraph.accelerator.limits import limit_of, not_traceable
from steadygraph.accelerator.placement import moved_case, moved_model
from steadygraph.accelerator.simulation import Simulation, is_simulated, simulated
from steadygraph.accelerator.unknown import current as current_unknowns
from steadygraph.accelerator.unknown import known_inputs

__all__ = [
    "ComparisonWatch",
    "Simulation",
    "compiler",
    "current_unknowns",
    "is_simulated",
    "known_inputs",
    "limit_of",
    "mismatch_of",
    "moved_case",
    "moved_model",
    "not_traceable",
    "simulated",
]
