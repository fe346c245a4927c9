"""The library that is compiled once: where it comes from, and what is said if it cannot."""

import stat
import subprocess
from pathlib import Path

import pytest
import torch

from steadygraph.accelerator import guard_library
from steadygraph.errors import TargetError

pytestmark = pytest.mark.skipif(torch.backends.cuda.is_built(), reason="a CUDA build brings a guard of its own")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path / "cache" / "steadygraph"


def test_without_a_compiler_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(TargetError) as caught:
        guard_library.load()

    assert str(caught.value) == (
        "no CUDA device can be simulated: there is no C++ compiler (c++, g++, clang++)\n"
        "  hint: install one (it is needed once), install a CUDA build of torch, or use a machine with the device"
    )


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    compiler = tmp_path / "old-c++"
    compiler.write_text("#!/bin/sh\necho 'cc1plus: error: unrecognized option' >&2\nexit 1\n")
    compiler.chmod(stat.S_IRWXU)
    monkeypatch.setenv("CXX", str(compiler))

    with pytest.raises(TargetError) as caught:
        guard_library.load()

    assert str(caught.value) == (
        f"no CUDA device can be simulated: {compiler} failed on the device guard: cc1plus: error: unrecognized option\n"
        "  hint: set CXX to a compiler that knows C++20"
    )
    assert list(cache.iterdir()) == []


def test_it_is_compiled_once(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    guard_library.load()
    monkeypatch.setattr(subprocess, "run", None)

    guard_library.load()

    assert [torch.__version__ in file.name for file in cache.iterdir()] == [True]


def test_a_library_that_was_cut_short_is_made_again() -> None:
    library = guard_library.path()
    library.write_bytes(b"\x7fELF")

    guard_library.load()

    assert library.stat().st_size > 4
