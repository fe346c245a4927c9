"""Errors of steadygraph, what was meant instead, and files that are written whole or not at all."""

from steadygraph.errors.errors import (
    CaseError,
    DeviceError,
    LeftOutError,
    SteadygraphError,
    TargetError,
    TorchSupportError,
    UsageError,
)

__all__ = [
    "CaseError",
    "DeviceError",
    "LeftOutError",
    "SteadygraphError",
    "TargetError",
    "TorchSupportError",
    "UsageError",
]
