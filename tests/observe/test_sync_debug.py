"""What CUDA calls synchronizing, held against our own list; its warnings are those of torch's C++ source."""

import warnings
from dataclasses import replace

import pytest
import torch

from steadygraph.model import Location, Sync
from steadygraph.observe.syncs import sync_debug
from steadygraph.observe.syncs.syncs import SyncWatch

#: ``TORCH_WARN("called a synchronizing CUDA operation")`` in ``warn_or_error_on_sync``, c10/cuda/CUDAFunctions.cpp, as
#: ``PyErr_WarnEx`` gets it; which directory and line follow depends on the build.
WARNING = "called a synchronizing CUDA operation (Triggered internally at /pytorch/c10/cuda/CUDAFunctions.cpp:151.)"

#: ``TORCH_WARN_ONCE`` in ``THCPModule_cudaSetSyncDebugMode``, torch/csrc/cuda/Module.cpp.
NOTICE = (
    "Synchronization debug mode is a prototype feature and does not yet detect all synchronizing operations "
    "(Triggered internally at /pytorch/torch/csrc/cuda/Module.cpp:1031.)"
)


class Driver:
    """``torch.cuda`` as far as the debug mode goes."""

    def __init__(self) -> None:
        self.mode = 2
        self.modes: list[int | str] = []

    def get_sync_debug_mode(self) -> int:
        return self.mode

    def set_sync_debug_mode(self, mode: int | str) -> None:
        warnings.warn(NOTICE, UserWarning, stacklevel=2)
        self.modes.append(mode)
        self.mode = {"default": 0, "warn": 1, "error": 2}[mode] if isinstance(mode, str) else mode


#: What an operator does that waits.  It has no frame in a file: the warning is one of the line that calls it.
synchronizing = eval(
    "lambda driver: driver.mode == 1 and warn(text, UserWarning, stacklevel=2)",
    {"warn": warnings.warn, "text": WARNING},
)


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Driver:
    driver = Driver()
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", driver.get_sync_debug_mode)
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", driver.set_sync_debug_mode)
    return driver


def test_every_warning_is_heard_and_the_mode_is_the_one_from_before(driver: Driver) -> None:
    heard = []
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("once")
        show = warnings.showwarning

        with sync_debug.listening(lambda: heard.append(driver.mode)):
            for _ in range(3):
                synchronizing(driver)
            warnings.warn("another one", UserWarning, stacklevel=1)

        assert warnings.showwarning is show
    assert heard == [1, 1, 1]
    assert driver.modes == ["warn", 2]
    assert [str(one.message) for one in shown] == ["another one"]


def test_the_mode_comes_back_after_an_error_too(driver: Driver) -> None:
    with pytest.raises(ValueError, match="no"), sync_debug.listening(lambda: None):
        raise ValueError("no")

    assert driver.mode == 2


def test_lines_are_confirmed_or_not_and_those_that_only_cuda_names_are_added(driver: Driver) -> None:
    x = torch.ones(3)
    watch = SyncWatch(confirm=True)

    with watch.watching():
        (x.sum().item(), synchronizing(driver))  # both
        x.tolist()  # ours alone
        for _ in range(2):
            synchronizing(driver)  # CUDA alone

    told = [(s.location and s.location.text, s.operation, s.count, s.confirmed) for s in watch.syncs()]
    assert told == [
        (
            "(x.sum().item(), synchronizing(driver))  # both",
            "reading a tensor as a Python value (.item(), bool(), int(), float())",
            1,
            True,
        ),
        ("x.tolist()  # ours alone", ".tolist()", 1, False),
        ("synchronizing(driver)  # CUDA alone", "an operation that CUDA calls synchronizing", 2, True),
    ]


def test_a_watch_that_is_not_told_to_confirm_leaves_cuda_alone(driver: Driver) -> None:
    watch = SyncWatch()

    with watch.watching():
        synchronizing(driver)

    assert (watch.syncs(), driver.modes) == ((), [])


PLACE = Location("model.py", 7, "forward", "x[mask] = rows")
ELSEWHERE = replace(PLACE, line=9)
MASK, HEARD = Sync("assignment through a bool mask", PLACE), Sync(sync_debug.OPERATION, PLACE, 2)


@pytest.mark.parametrize(
    ("found", "heard", "verdict"),
    [
        (MASK, [HEARD], True),
        (MASK, [], False),
        (replace(MASK, explicit=True), [], None),
        (replace(MASK, explicit=True), [HEARD], True),
        (replace(MASK, certain=False), [], None),
    ],
)
def test_silence_says_nothing_of_what_the_debug_mode_does_not_cover(
    found: Sync, heard: list[Sync], verdict: bool | None
) -> None:
    assert sync_debug.confirmed([found], heard) == (replace(found, confirmed=verdict),)


def test_the_summary_counts_lines_over_all_calls() -> None:
    sure, unsure = replace(MASK, confirmed=True), replace(MASK, location=ELSEWHERE, confirmed=False)
    more = replace(HEARD, location=replace(PLACE, line=11), confirmed=True)

    assert sync_debug.summary([MASK]) is None
    assert sync_debug.summary([sure, sure]) == (
        "torch.cuda.set_sync_debug_mode confirms 1 of 1 line that makes the host wait"
    )
    assert sync_debug.summary([sure, unsure, more]) == (
        "torch.cuda.set_sync_debug_mode confirms 1 of 2 lines that make the host wait, and names 1 more"
    )
