"""Comparisons that can never be true, wherever a model makes them."""

from collections.abc import Callable

import pytest
import torch

from steadygraph.accelerator.comparisons import ComparisonWatch

CONFIGURED, REAL = torch.device("cuda"), torch.device("cuda:0")


class Holder:
    def __init__(self, device: object) -> None:
        self.device = device
        self.cache: dict[object, int] = {(REAL, 4): 1, REAL: 2}

    def asserts(self, device):
        assert device != self.device

    def branches(self, device):
        return 1 if device == self.device else 2

    def several_lines(self, device):
        return all(
            [
                True,
                self.device  # the left side
                == device,
            ]
        )

    def spelled_out(self, device):
        return device == torch.device("cuda")

    def as_text(self, device):
        return str(device) == "cuda"

    def with_text(self, device):
        return device == "cuda"

    def looks_up(self, device):
        return (self.device, 4) in self.cache

    def gets(self, device):
        return self.cache.get(self.device)

    def compares_types(self, device):
        return device.type == self.device.type

    def counts(self, device):
        return len(self.cache) == 2


def watched(run: Callable[[], object]) -> list[tuple[str, tuple[str, ...], str]]:
    watch = ComparisonWatch()
    with watch.watching():
        run()
    return [
        (found.operation, tuple(device for _, device in found.operands), found.location.function)
        for found in watch.mismatches()
        if found.location
    ]


@pytest.mark.parametrize("name", ["asserts", "branches", "spelled_out", "with_text", "as_text", "several_lines"])
def test_a_comparison_is_found_in_its_function(name: str) -> None:
    holder = Holder(CONFIGURED)

    found = watched(lambda: getattr(holder, name)(REAL))

    assert [(sorted(devices), function) for _, devices, function in found] == [(["cuda", "cuda:0"], name)]


@pytest.mark.parametrize(("name", "key"), [("looks_up", ("(cuda, 4)", "(cuda:0, 4)")), ("gets", ("cuda", "cuda:0"))])
def test_a_look_up_that_misses_by_the_index_is_found(name: str, key: tuple[str, str]) -> None:
    holder = Holder(CONFIGURED)

    found = watched(lambda: getattr(holder, name)(REAL))

    assert [(devices, function) for _, devices, function in found] == [(key, name)]


@pytest.mark.parametrize("name", ["branches", "looks_up", "gets", "compares_types", "counts"])
def test_equal_devices_are_nothing_to_report(name: str) -> None:
    holder = Holder(REAL)

    assert watched(lambda: getattr(holder, name)(REAL)) == []


def test_other_devices_are_nothing_to_report() -> None:
    holder = Holder(torch.device("cpu"))

    assert watched(lambda: holder.branches(REAL)) == []


def test_no_property_of_the_user_is_asked() -> None:
    class Counting:
        asked = 0

        @property
        def key(self):
            self.asked += 1
            return CONFIGURED

    counting = Counting()

    watched(lambda: counting.key == REAL)

    assert counting.asked == 1


def test_a_loop_is_reported_once() -> None:
    holder = Holder(CONFIGURED)

    found = watched(lambda: [holder.branches(REAL) for _ in range(3)])

    assert len(found) == 1
