"""c10's table of device guards, as far as libc10 exports it: what C++ does with ``C10_REGISTER_GUARD_IMPL``.

torch itself puts a guard that does nothing in the place of one that has no devices (a CUDA build on a machine without
a GPU).  So a guard without devices, made of nothing but a function that returns 0, is enough to get that one.
"""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

_REGISTRAR = "_ZN3c104impl24DeviceGuardImplRegistrarC1ENS_10DeviceTypeEPKNS0_24DeviceGuardImplInterfaceE"
_TABLE = "_ZN3c104impl26device_guard_impl_registryE"
#: c10::DeviceType::CUDA
_CUDA = 1
#: More virtual functions than the interface has (28 in torch 2.13).
_FUNCTIONS = 64


class GuardTable:
    """The entry for CUDA in the table.

    Raises:
        OSError: libc10 does not export it: another platform, or another release of torch.
    """

    def __init__(self) -> None:
        (path, *_) = [*(Path(torch.__file__).parent / "lib").glob("libc10.*"), Path("libc10")]
        library = ctypes.CDLL(str(path))
        try:
            self._register = library[_REGISTRAR]
            self._entries = (ctypes.c_void_p * (_CUDA + 1)).in_dll(library, _TABLE)
        except (AttributeError, ValueError) as error:
            raise OSError(str(error)) from error
        self._register.argtypes = [ctypes.c_void_p, ctypes.c_int8, ctypes.c_void_p]
        self._register.restype = None

    @property
    def guard(self) -> int | None:
        """The address of the guard, None if there is none."""
        return self._entries[_CUDA]

    @guard.setter
    def guard(self, address: int | None) -> None:
        self._register(ctypes.byref(ctypes.c_char()), _CUDA, address)

    def register_noop(self) -> None:
        """Have torch register its guard that does nothing.

        Raises:
            OSError: It did not.
        """
        nothing = ctypes.CFUNCTYPE(ctypes.c_int8)(lambda: 0)
        functions = (ctypes.c_void_p * _FUNCTIONS)(*[ctypes.cast(nothing, ctypes.c_void_p).value] * _FUNCTIONS)
        without_devices = ctypes.c_void_p(ctypes.addressof(functions))  # an object is a pointer to its functions
        before, self.guard = self.guard, ctypes.addressof(without_devices)
        torch._C._ensureCUDADeviceGuardSet()
        if self.guard == ctypes.addressof(without_devices):
            self.guard = before
            raise OSError("torch has no device guard that does nothing")
