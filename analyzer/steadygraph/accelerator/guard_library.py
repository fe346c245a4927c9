"""The device guard that a CPU build of torch lacks: two lines of C++, compiled once for each torch release.

Without it, indexing, slicing and ``.to("cuda")`` of tensors that only have metadata raise "PyTorch is not linked with
support for cuda devices" (torch 2.13).  A CUDA build of torch brings a guard of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

import torch

from steadygraph.errors import TargetError

_SOURCE = """\
#include <c10/core/impl/DeviceGuardImplInterface.h>
C10_REGISTER_GUARD_IMPL(CUDA, c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA>);
"""
_COMPILERS = ("c++", "g++", "clang++")
_TIMEOUT_S = 120


def load() -> None:
    """Register the guard in this process, for as long as it lives; compile it first if nobody has.

    Raises:
        TargetError: There is no compiler, or it cannot compile the guard.
    """
    if torch.backends.cuda.is_built():  # type: ignore[no-untyped-call]
        return
    library = path()
    with contextlib.suppress(OSError):  # absent, or cut short by whatever happened to the cache
        ctypes.CDLL(str(library))
        return
    _compile(library)
    ctypes.CDLL(str(library))


def path() -> Path:
    """Where the library is kept: one for each torch release."""
    return cache_directory() / f"device-guard-{torch.__version__}-{sysconfig.get_platform()}.so"


def cache_directory() -> Path:
    """The user's cache; a new directory for each process if that cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(home) / "steadygraph"
    with contextlib.suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never a name that others can guess: what lies there is loaded as code.
    return directory if os.access(directory, os.W_OK) else Path(tempfile.mkdtemp(prefix="steadygraph-"))


def _compiler() -> str:
    candidates = (os.environ.get("CXX"), *_COMPILERS)
    found = next((path for name in candidates if name and (path := shutil.which(name))), None)
    if found is None:
        raise TargetError(
            f"no CUDA device can be simulated: there is no C++ compiler ({', '.join(_COMPILERS)})",
            hint="install one (it is needed once), install a CUDA build of torch, or use a machine with the device",
        )
    return found


def _compile(library: Path) -> None:
    torch_directory = Path(torch.__file__).parent
    with tempfile.TemporaryDirectory(dir=library.parent) as directory:
        source, built = Path(directory, "guard.cpp"), Path(directory, library.name)
        source.write_text(_SOURCE, encoding="utf-8")
        command = [_compiler(), "-std=c++20", "-O0", "-shared", "-fPIC", str(source), "-o", str(built)]
        command += ["-I", str(torch_directory / "include"), "-L", str(torch_directory / "lib"), "-lc10"]
        if torch.compiled_with_cxx11_abi() is False:
            command.append("-D_GLIBCXX_USE_CXX11_ABI=0")
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
            raise TargetError(
                f"no CUDA device can be simulated: {command[0]} failed on the device guard: {first}",
                hint="set CXX to a compiler that knows C++20",
            )
        # In one step: another process may be doing the same.
        built.replace(library)
