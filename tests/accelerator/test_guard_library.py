"""The device guard that is compiled once: where it comes from, and what there is without a compiler."""

import stat
import subprocess
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from steadygraph.accelerator import guard_library
from steadygraph.accelerator.simulation import simulated
from steadygraph.errors import TargetError
from steadygraph.torch_private.device.guard_table import GuardTable

IS_CUDA_BUILD = torch.backends.cuda.is_built()
#: What torch's own guard is like.
SEEN = "what is seen is the same, but that tensors go to cuda:0 by `.cuda()`, whichever device is current"
#: What needs a guard: without one torch raises.
SLICED = (3,)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CXX", raising=False)
    return tmp_path / "cache" / "steadygraph"


def sliced() -> tuple[int, ...]:
    with FakeTensorMode():
        return tuple(torch.ones(4, device="cuda")[1:].shape)


def remark() -> str:
    with guard_library.registered() as found:
        assert sliced() == SLICED
    return found


def compiler(folder: Path, text: str) -> str:
    file = folder / "old-c++"
    file.write_text(text)
    file.chmod(stat.S_IRWXU)
    return str(file)


def test_without_a_compiler_the_guard_of_torch_is_used_and_the_report_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    assert remark() == ("there is no C++ compiler (c++, g++, clang++), so torch's own device guard is used: " + SEEN)


def test_what_is_said_of_the_guard_of_torch_is_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")

    with simulated():
        streams = torch.cuda.Stream(), torch.Stream(device="cuda"), torch.cuda.current_stream()

        assert {stream.device for stream in streams} == {torch.device("cuda:0")}

    with simulated("cuda:1"), torch.cuda.device(1):
        moved, made = torch.ones(1).cuda(), torch.ones(1, device="cuda")

        assert (moved.device, made.device) == (torch.device("cuda:0"), torch.device("cuda:1"))


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    failing = compiler(tmp_path, "#!/bin/sh\necho 'cc1plus: error: unrecognized option' >&2\nexit 1\n")
    monkeypatch.setenv("CXX", failing)

    assert remark() == (
        f"{failing} cannot compile the device guard (cc1plus: error: unrecognized option), so torch's own device "
        f"guard is used: {SEEN}"
    )
    assert list(cache.iterdir()) == []


def test_a_compiler_that_cannot_be_run_is_like_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = compiler(tmp_path, "#!/nowhere/sh\n")
    monkeypatch.setenv("CXX", broken)

    assert remark().startswith(f"{broken} cannot compile the device guard ([Errno 2] No such file or directory")


@pytest.mark.skipif(IS_CUDA_BUILD, reason="a CUDA build has a guard")
def test_where_torch_has_no_guard_to_offer_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_table() -> GuardTable:
        raise OSError("libc10 exports no table")

    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(guard_library, "GuardTable", no_table)

    with pytest.raises(TargetError) as caught, guard_library.registered():
        pass

    assert str(caught.value) == (
        "no CUDA device can be simulated: there is no C++ compiler (c++, g++, clang++)\n"
        "  hint: install one (it is needed once), install a CUDA build of torch, or use a machine with the device"
    )


def test_it_is_compiled_once(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    first = remark()
    monkeypatch.setattr(subprocess, "run", None)

    second = remark()

    assert (first, second) == ("", "")
    assert [torch.__version__ in file.name for file in cache.iterdir()] == [True]


def test_a_library_that_was_cut_short_is_made_again() -> None:
    library = guard_library.path()
    library.write_bytes(b"\x7fELF")

    assert remark() == ""
    assert library.stat().st_size > 4


@pytest.mark.parametrize("path", ["", "/usr/bin:/bin"])
def test_afterwards_torch_has_the_guard_that_it_had(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("PATH", path)
    before = GuardTable().guard

    remark()

    assert GuardTable().guard == before


@pytest.mark.skipif(IS_CUDA_BUILD, reason="a CUDA build has a guard")
def test_a_cpu_build_has_no_guard_afterwards() -> None:
    remark()

    with pytest.raises(RuntimeError, match="PyTorch is not linked with support for cuda devices"):
        sliced()


@pytest.mark.skipif(IS_CUDA_BUILD, reason="a CUDA build has a guard, whoever registered it")
def test_a_guard_that_somebody_else_registered_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    table = GuardTable()
    table.register_noop()
    theirs = table.guard

    try:
        assert remark() == ""
        assert table.guard == theirs
    finally:
        table.guard = None
