"""Which of the simulated devices somebody asks for: one that is not there, or fewer than there are."""

from __future__ import annotations

import types

from steadygraph.case.user_code import readable_path
from steadygraph.errors import DeviceError, UsageError
from steadygraph.model.gpus import device_name
from steadygraph.observe.places import locations

#: Modules that count devices on their own behalf, or on that of their caller.
_OWN = ("torch.cuda", "torch.random", "torch._dynamo", "torch._inductor", "steadygraph")
_ON_BEHALF = "torch.accelerator"


class Usage:
    """What is asked of ``count`` devices."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._highest = 0
        self._counted = False

    def ask(self, index: int) -> int:
        """Note that a device is used.

        Raises:
            DeviceError: It is not there.
        """
        if index >= self.count:
            raise DeviceError(
                f"cuda:{index} is asked for{_here()}, and {_are_simulated(self.count)}",
                hint=f"simulate {index + 1} devices: --device {device_name(index + 1)}",
            )
        self._highest = max(self._highest, index)
        return index

    def count_asked(self, asking: types.FrameType | None) -> None:
        """Note that the number of devices was asked for, if it was not torch itself that asked."""
        while asking is not None and _module(asking).startswith(_ON_BEHALF):
            asking = asking.f_back
        self._counted |= asking is not None and not _module(asking).startswith(_OWN)

    def require_all(self, device: str) -> None:
        """Are there as many devices as the calls use, and no more?

        Raises:
            UsageError: There are more, and nobody asked how many.
        """
        used = self._highest + 1
        if used < self.count and not self._counted:
            raise UsageError(
                f"{device} simulates {self.count} devices, and the model and its calls use {used}",
                hint=f"simulate as many as are used: --device {device_name(used)}",
            )


def _module(frame: types.FrameType) -> str:
    return str(frame.f_globals.get("__name__", ""))


def _are_simulated(count: int) -> str:
    return "1 device is simulated" if count == 1 else f"{count} devices are simulated"


def _here() -> str:
    where = locations.running()
    return "" if where is None else f" ({readable_path(where.path)}:{where.line} in {where.function})"
