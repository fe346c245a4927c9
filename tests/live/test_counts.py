"""Calls that are as one before: each is counted, whoever answers it, and any that is not is seen."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from tests.live.model import DROPPED, Decoder, decoder
from torch import nn

from steadygraph import watch
from steadygraph.live.tally import Tally
from steadygraph.live.watch import Watching
from steadygraph.model import PROFILE

pytestmark = pytest.mark.usefixtures("nothing_compiled")

X, IMAGE = torch.ones(3, 4), {"d0": torch.ones(4)}


def calls(watching: Watching) -> dict[str, int]:
    return {call.name: call.seen.calls for call in watching.recording().calls if call.seen}


def compiled_by(model: nn.Module, options: Any) -> Any:
    return torch.compile(model, backend="eager", dynamic=True, options=options and dict(options))


def test_a_tally_counts_in_all_threads_and_knows_when_last() -> None:
    tally = Tally()
    assert (tally.calls, tally.last) == (0, 0.0)

    threads = [threading.Thread(target=lambda: [tally.count() for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert tally.calls == 4000
    before = tally.last
    assert tally.count()
    assert tally.last >= before > 0


@pytest.mark.parametrize("options", [None, DROPPED], ids=["kept", "dropped"])
def test_every_call_is_counted_for_its_structure(options: Any) -> None:
    compiled = compiled_by(decoder(), options)

    with watch(every=4, tell=[].append) as watching:
        for _ in range(30):
            compiled(X)
            compiled(X, IMAGE)
            compiled(X, deepstack=IMAGE)

    assert calls(watching) == {PROFILE: 1, "serving-1": 60, "serving-2": 29}


@pytest.mark.parametrize("options", [None, DROPPED], ids=["kept", "dropped"])
def test_layers_that_share_compiled_code_are_counted_each_for_itself(options: Any) -> None:
    layers = [decoder() for _ in range(3)]
    compiled = [compiled_by(layer, options) for layer in layers]

    with watch(tell=[].append) as watching:
        for number in range(1, 4):
            for layer in compiled[:number]:
                for _ in range(10):
                    layer(X)

    regions = watching._observer.regions
    counted = [region.profile_calls.calls + sum(one.calls for one in region.observed()) for region in regions]
    assert counted == [30, 20, 10] or not regions
    assert sum(calls(watching).values()) == 60


@pytest.mark.parametrize("every", [1, 5])
def test_a_flag_that_is_set_while_nothing_else_changes_is_seen_within_so_many_calls(every: int) -> None:
    model = decoder()
    compiled = compiled_by(model, DROPPED)
    rules = []

    with watch(every=every, tell=[].append) as watching:
        for _ in range(12):
            compiled(X)
        model.doubled = True
        for _ in range(every):
            compiled(X)
        rules = [finding.rule for finding in watching.findings]

    assert rules == ["SG301"]


def test_what_is_in_an_object_is_asked_at_every_call() -> None:
    class Holder:
        def __init__(self, doubled: bool) -> None:
            self.doubled = doubled

    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, holder: Holder) -> torch.Tensor:
            return x * 2 if holder.doubled else x + 1

    compiled = compiled_by(Scaled(), DROPPED)

    with watch(every=10_000, tell=[].append) as watching:
        for _ in range(5):
            compiled(X, Holder(True))
        compiled(X, Holder(False))

    assert [(f.severity.value, f.scenario) for f in watching.findings] == [("error", "serving-2")]


def test_a_recompilation_behind_a_graph_break_is_seen_although_the_outer_frame_is_as_before() -> None:
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.late = 1

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x + 1
            torch._dynamo.graph_break()
            return x * self.late

    model = Broken()
    compiled = torch.compile(model, backend="eager")

    with watch(tell=[].append) as watching:
        for _ in range(4):
            compiled(X)
        model.late = 2
        results = [compiled(X) for _ in range(3)]

    assert all(torch.equal(result, (X + 1) * 2) for result in results)
    assert [(f.rule, f.scenario) for f in watching.findings if f.rule == "SG301"] == [("SG301", "serving-2")]
    assert sum(calls(watching).values()) == 7


def test_two_functions_under_one_callback_are_two_regions() -> None:
    context = torch._dynamo.optimize("eager")
    one, other = context(lambda x: x + 1), context(lambda x: x + 2)

    with watch(tell=[].append) as watching:
        results = [function(X).sum().item() for function in (one, one, one, other, other, other, one)]

    assert results == [24, 24, 24, 36, 36, 36, 24]
    assert len(watching.recording().regions) == 2
    assert sum(calls(watching).values()) == 7 - 1  # Dynamo had compiled the second one before anybody could tell


def test_what_was_compiled_before_the_watch_is_counted_as_well() -> None:
    compiled = compiled_by(decoder(), None)
    compiled(X)

    with watch(tell=[].append) as watching:
        for _ in range(5):
            compiled(X)
        compiled(X, IMAGE)

    assert calls(watching) == {PROFILE: 1, "serving-1": 4, "serving-2": 1}
    assert [f.rule for f in watching.findings] == ["SG101"]


@pytest.mark.parametrize("options", [None, DROPPED], ids=["kept", "dropped"])
def test_no_argument_is_kept_alive_by_what_was_counted(options: Any) -> None:
    import gc
    import weakref

    compiled = compiled_by(decoder(), options)

    with watch(tell=[].append):
        for _ in range(3):
            compiled(X, IMAGE)
        last = torch.ones(3, 4)
        gone = weakref.ref(last)
        compiled(last, IMAGE)
        del last
        gc.collect()

        assert gone() is None


def test_the_watch_that_ended_leaves_no_trace_in_what_dynamo_answers() -> None:
    model: Decoder = decoder()
    compiled = compiled_by(model, DROPPED)
    with watch(tell=[].append):
        for _ in range(3):
            compiled(X)

    assert torch.equal(compiled(X), model(X))
    with watch(tell=[].append) as again:
        for _ in range(3):
            compiled(X)

    assert sum(calls(again).values()) == 3
