"""The device guard that a CPU build of torch lacks: two lines of C++, compiled once for each torch release.

Without it, indexing, slicing and ``.to("cuda")`` of tensors that only have metadata raise "PyTorch is not linked with
support for cuda devices" (torch 2.13).  A CUDA build of torch has a guard, which asks the driver.  Without a compiler,
torch is brought to register one by itself; that one takes ``cuda`` for ``cuda:0``, whichever device is current.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from steadygraph.errors import TargetError, staging
from steadygraph.torch_private.device.guard_table import GuardTable

_SOURCE = """\
#include <c10/core/impl/DeviceGuardImplInterface.h>
C10_REGISTER_GUARD_IMPL(CUDA, c10::impl::NoOpDeviceGuardImpl<c10::DeviceType::CUDA>);
"""
_COMPILERS = ("c++", "g++", "clang++")
_TIMEOUT_S = 120
_DIFFERENCE = "what is seen is the same, but that tensors go to cuda:0 by `.cuda()`, whichever device is current"


class _CompilerError(Exception):
    """There is no compiler, or it cannot compile the guard."""


@contextlib.contextmanager
def registered() -> Iterator[str]:
    """A block in which CUDA has a device guard.

    Yields:
        Why the guard is not one that was compiled here, as a sentence; "" if it is, or if there is a device, or if
        somebody else registered one.

    Raises:
        TargetError: There is no compiler, and torch has no guard to offer.
    """
    table, is_built = _table(), _is_cuda_build()
    if torch.cuda.is_available() or (is_built and table is None):  # what torch has could not be put back
        yield ""
        return
    before = None if table is None else table.guard
    if before is not None and not is_built:  # somebody else's
        yield ""
        return
    try:
        yield _register(table)
    finally:
        if table is not None:
            table.guard = before


def _is_cuda_build() -> bool:
    return bool(torch.backends.cuda.is_built())  # type: ignore[no-untyped-call]


def _table() -> GuardTable | None:
    try:
        return GuardTable()
    except OSError:
        return None


def _register(table: GuardTable | None) -> str:
    try:
        load(table)
    except _CompilerError as error:
        try:
            if table is None:
                raise OSError
            table.register_noop()
        except OSError:
            hint = "install one (it is needed once), install a CUDA build of torch, or use a machine with the device"
            raise TargetError(f"no CUDA device can be simulated: {error}", hint=hint) from error
        return f"{error}, so torch's own device guard is used: {_DIFFERENCE}"
    return ""


#: Where the guard of a library lies that was loaded before: its registration happens once in a process.
_loaded: dict[Path, int | None] = {}


def load(table: GuardTable | None) -> None:
    """Register the guard of the library; compile it first if nobody has."""
    library = path()
    if table is not None and library in _loaded:
        table.guard = _loaded[library]
        return
    if os.access(library.parent, os.W_OK):
        staging.clean(library.parent)
        try:
            ctypes.CDLL(str(library))
        except OSError:  # absent, or cut short by whatever happened to the cache
            _compile(library)
            ctypes.CDLL(str(library))
    else:  # then it serves this process alone, which needs the file no more once it is loaded
        _load_once(library.name)
    _loaded[library] = None if table is None else table.guard


def path() -> Path:
    """Where the library is kept: one for each torch release."""
    return cache_directory() / f"device-guard-{torch.__version__}-{sysconfig.get_platform()}.so"


def cache_directory() -> Path:
    """The user's cache, which perhaps cannot be written."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    directory = Path(home) / "steadygraph"
    with contextlib.suppress(OSError):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def _load_once(name: str) -> None:
    shared = Path(tempfile.gettempdir())
    staging.clean(shared)
    # Never a name that others can guess: what lies there is loaded as code.
    with staging.folder(shared) as directory:
        _compile(directory / name)
        ctypes.CDLL(str(directory / name))


def compiler() -> str | None:
    """Where the C++ compiler lies; None if there is none."""
    candidates = (os.environ.get("CXX"), *_COMPILERS)
    return next((path for name in candidates if name and (path := shutil.which(name))), None)


def _compiler() -> str:
    found = compiler()
    if found is None:
        raise _CompilerError(f"there is no C++ compiler ({', '.join(_COMPILERS)})")
    return found


def _compile(library: Path) -> None:
    torch_directory = Path(torch.__file__).parent
    with staging.folder(library.parent) as directory:
        source, built = Path(directory, "guard.cpp"), Path(directory, library.name)
        source.write_text(_SOURCE, encoding="utf-8")
        command = [_compiler(), "-std=c++20", "-O0", "-shared", "-fPIC", str(source), "-o", str(built)]
        command += ["-I", str(torch_directory / "include"), "-L", str(torch_directory / "lib"), "-lc10"]
        if torch.compiled_with_cxx11_abi() is False:
            command.append("-D_GLIBCXX_USE_CXX11_ABI=0")
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _CompilerError(f"{command[0]} cannot compile the device guard ({error})") from error
        if done.returncode:
            first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip())
            raise _CompilerError(f"{command[0]} cannot compile the device guard ({first})")
        # In one step: another process may be doing the same.
        built.replace(library)
