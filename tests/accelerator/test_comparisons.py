"""Comparisons that can never be true, wherever a model makes them."""

import functools
import sys
from collections.abc import Callable
from types import CodeType

import pytest
import torch

from steadygraph.accelerator.comparing.comparisons import ComparisonWatch
from steadygraph.accelerator.simulation import simulated

CONFIGURED, REAL = torch.device("cuda"), torch.device("cuda:0")


@functools.cache
def remembered(device, size):
    return torch.arange(size)


class Holder:
    def __init__(self, device: object) -> None:
        self.device = device
        self.cache: dict[object, int] = {(REAL, 4): 1, REAL: 2}
        self.texts = {"cuda:0-4"}
        self.strict = False

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

    def identifies(self, device):
        return device is self.device

    def identifies_not(self, device):
        return device is not self.device

    @property
    def execution_device(self):
        return self.device

    def asks_a_property(self, device):
        return device == self.execution_device

    def chained(self, device):
        return device == device == self.device

    def matches(self, device):
        match device:
            case self.device:
                return 1
            case _:
                return 2

    def matches_text(self, device):
        match str(device):
            case "cpu":
                return 1
            case "cuda":
                return 2

    def in_a_condition(self, device):
        return device.type == "cuda" and (device == self.device or self.cache is None)

    def in_a_lambda(self, device):
        return (lambda other: other == self.device)(device)

    def in_a_loop(self, device):
        return [other == self.device for other in (device,)]

    def subscripts(self, device):
        try:
            return self.cache[self.device]
        except KeyError:
            return None

    def writes_the_text_there(self, device):
        return f"{self.device}-{4}" in self.texts

    def pops(self, device):
        return self.cache.pop(self.device, None)

    def sets_a_default(self, device):
        return self.cache.setdefault(self.device, 3)

    def calls_what_remembers(self, device):
        return remembered(device, 4), remembered(self.device, 4)

    def calls_a_method_that_remembers(self, device):
        return self.remembers(device), self.remembers(self.device)

    @functools.lru_cache  # noqa: B019
    def remembers(self, device):
        return torch.arange(2)

    def allows_both(self, device):
        return device == self.device or device == torch.device("cuda:0")

    def refuses_both(self, device):
        return device != self.device and device != torch.device("cuda:0")

    def branches_for_both(self, device):
        if device == torch.device("cuda"):
            return 1
        elif device == torch.device("cuda:0"):
            return 2
        return 3

    def matches_both(self, device):
        match str(device):
            case "cuda" | "cuda:0":
                return 1

    def lists_both(self, device):
        return str(device) in ("cuda", "cuda:0")

    def is_not_asked(self, device):
        return self.strict and device == self.device

    def is_asked_only_without(self, device):
        return not self.strict or device == self.device

    def chooses(self, device):
        return device == self.device if self.strict else device == REAL

    def compares_type_and_index(self, device):
        return (device.type, device.index or 0) == (self.device.type, self.device.index or 0)

    def compares_indices(self, device):
        return device.index == self.device.index

    def keys_by_type_and_index(self, device):
        return (self.device.type, self.device.index) in {(device.type, device.index): 1}

    def compares_other_texts(self, device):
        return f"{device}-weight" == f"{device}-bias"

    def remembers_by_device(self, device):
        return remembered(device, 4), remembered(device, 5)

    def compares_types(self, device):
        return device.type == self.device.type

    def counts(self, device):
        return len(self.cache) == 2


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    remembered.cache_clear()
    Holder.remembers.cache_clear()


def watched(
    run: Callable[[], object], computed: dict[CodeType, list[object]] | None = None
) -> list[tuple[str, tuple[str, ...], str]]:
    watch = ComparisonWatch(computed)
    with watch.watching():
        run()
    return [
        (found.operation, tuple(device for _, device in found.operands), found.location.function)
        for found in watch.mismatches()
        if found.location
    ]


COMPARING = [
    "asserts",
    "branches",
    "spelled_out",
    "with_text",
    "as_text",
    "several_lines",
    "identifies",
    "identifies_not",
    "asks_a_property",
    "chained",
    "matches",
    "matches_text",
    "in_a_condition",
]


@pytest.mark.parametrize("name", COMPARING)
def test_a_comparison_is_found_in_its_function(name: str) -> None:
    holder = Holder(CONFIGURED)

    found = watched(lambda: getattr(holder, name)(REAL))

    assert [(sorted(devices), function) for _, devices, function in found] == [(["cuda", "cuda:0"], name)]


LOOKING_UP = [
    ("looks_up", ("(cuda, 4)", "(cuda:0, 4)")),
    ("gets", ("cuda", "cuda:0")),
    ("subscripts", ("cuda", "cuda:0")),
    ("writes_the_text_there", ("cuda-4", "cuda:0-4")),
    ("pops", ("cuda", "cuda:0")),
    ("sets_a_default", ("cuda", "cuda:0")),
    ("calls_what_remembers", ("cuda", "cuda:0")),
    ("calls_a_method_that_remembers", ("cuda", "cuda:0")),
]


@pytest.mark.parametrize(("name", "key"), LOOKING_UP)
def test_a_look_up_that_misses_by_the_index_is_found(name: str, key: tuple[str, str]) -> None:
    holder = Holder(CONFIGURED)

    found = watched(lambda: getattr(holder, name)(REAL))

    assert [(devices, function) for _, devices, function in found] == [(key, name)]


RIGHT = [
    "allows_both",
    "refuses_both",
    "branches_for_both",
    "matches_both",
    "lists_both",
    "is_not_asked",
    "is_asked_only_without",
    "chooses",
    "compares_type_and_index",
    "compares_indices",
    "keys_by_type_and_index",
    "compares_other_texts",
    "remembers_by_device",
    "compares_types",
    "counts",
]


@pytest.mark.parametrize("name", RIGHT)
def test_a_comparison_that_allows_for_the_index_is_nothing_to_report(name: str) -> None:
    holder = Holder(CONFIGURED)

    assert watched(lambda: getattr(holder, name)(REAL)) == []


def test_the_device_of_a_parameter_is_known() -> None:
    class Moved(torch.nn.Module):
        device = CONFIGURED

        def forward(self):
            return next(self.parameters()).device == self.device

    with simulated():
        moved = Moved()
        moved.layer = torch.nn.Linear(1, 1, device="cuda")

        assert [devices for _, devices, _ in watched(moved)] == [("cuda:0", "cuda")]


def test_calls_of_earlier_blocks_are_remembered_if_they_are_given() -> None:
    computed: dict[CodeType, list[object]] = {}

    found = [watched(lambda device=device: remembered(device, 4), computed) for device in (REAL, CONFIGURED, REAL)]

    assert [len(one) for one in found] == [0, 1, 0]


@pytest.mark.parametrize("name", ["in_a_lambda", "in_a_loop"])
def test_a_comparison_is_found_in_an_inner_function(name: str) -> None:
    holder = Holder(CONFIGURED)

    assert [devices for _, devices, _ in watched(lambda: getattr(holder, name)(REAL))] == [("cuda:0", "cuda")]


#: These say in the source which device they mean, or fail if it is the right one.
FIXED = {"spelled_out", "as_text", "with_text", "matches_text", "asserts"}


@pytest.mark.parametrize("name", sorted({*COMPARING, *(name for name, _ in LOOKING_UP)} - FIXED))
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


# --- operators are not looked into ---------------------------------------------------------------------


def test_lines_after_an_operator_are_still_watched() -> None:
    watch = ComparisonWatch()

    def compares(device):
        torch.ones(2, device="cuda") + 1
        return device == CONFIGURED

    with simulated("cuda"), watch.watching():
        compares(REAL)

    assert [one.operation for one in watch.mismatches()] == ["=="]


def test_a_tracer_of_somebody_else_sees_what_runs_in_an_operator() -> None:
    seen = set()

    def tracer(frame, event, argument):
        seen.add(frame.f_code.co_name)

    before = sys.gettrace()
    with simulated("cuda"):
        sys.settrace(tracer)
        try:
            torch.ones(2, device="cuda") + 1
        finally:
            sys.settrace(before)

    assert "dispatch" in seen  # of torch's FakeTensorMode
