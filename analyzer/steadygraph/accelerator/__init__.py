"""A simulated CUDA device for machines without one: tensors on it have metadata and no values."""

from __future__ import annotations

from steadygraph.accelerator.simulation import Simulation, simulated

__all__ = ["Simulation", "simulated"]
