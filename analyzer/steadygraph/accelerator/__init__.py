"""A simulated CUDA device for machines without one: tensors on it have metadata and no values."""

from __future__ import annotations
