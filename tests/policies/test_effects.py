"""Effects: what a call leaves in its arguments and in the model, against what eager mode left there."""

import threading
import zlib

import pytest
import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode

from steadygraph.model import PROFILE
from steadygraph.observe.state.touched import checksum
from steadygraph.policies.effects import Comparer, Recorder
from steadygraph.policies.proof import freeze


class Cache:
    def __init__(self):
        self.keys, self.seen, self.lock = torch.zeros(3), 0, threading.Lock()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.zeros(4))
        self.lin = nn.Linear(2, 2)
        self.step, self.last, self.notes = 0, None, ["a"]

    def forward(self, x, *more, cache=None, **options):
        raise NotImplementedError  # each test says what a call does


def arguments():
    return (torch.zeros(2, 3), {"k": torch.zeros(4)}), {"cache": Cache(), "flag": [1]}


def made(watch, calls, model=None):
    """What the watch tells of calls by name, each given as what it does to (model, args, kwargs)."""
    model, found = model or Net(), {}
    for name, act in calls.items():
        args, kwargs = arguments()
        watch.start(model, args, kwargs, prepared=False)
        act(model, args, kwargs)
        found[name] = watch.end(name, freeze(None))
    return found


def compared(eager, other, *, recorder=None, **options):
    """Of each call, what the second way of running left otherwise than the first."""
    truth = {name: [effects.left] for name, effects in made(recorder or Recorder(), eager).items()}
    return made(Comparer(truth, **options), other)


def nothing(model, args, kwargs):
    pass


def details(effects):
    return [effect.detail for effect in effects.wrong]


WRITES = [
    (lambda m, a, k: a[0].add_(1), "argument `x`: 6 of 6 elements differ, largest by 1"),
    (lambda m, a, k: a[1]["k"][:3].fill_(2), "argument `more[0]['k']`: 3 of 4 elements differ, largest by 2"),
    (
        lambda m, a, k: a[1].update(new=torch.ones(1)),
        "argument `more[0]['new']` is there in eager mode, and is not here",
    ),
    (lambda m, a, k: a[1].clear(), "argument `more[0]['k']` is there, and is not in eager mode"),
    (lambda m, a, k: a[0].resize_(1), "argument `x.ndim`: 1 in eager mode, 2 here"),
    (
        lambda m, a, k: setattr(a[0], "data", torch.zeros(2, 3).long()),
        "argument `x.dtype`: torch.int64 in eager mode, torch.float32 here",
    ),
    (lambda m, a, k: k["cache"].keys.data.add_(1), "argument `cache.keys`: 3 of 3 elements differ, largest by 1"),
    (lambda m, a, k: setattr(k["cache"], "seen", 4), "argument `cache.seen`: 4 in eager mode, 0 here"),
    (lambda m, a, k: k["flag"].append(2), "argument `flag[1]` is there in eager mode, and is not here"),
    (lambda m, a, k: m.rows.fill_(7), "attribute `self.rows`: 4 of 4 elements differ, largest by 7"),
    (lambda m, a, k: m.rows.data.fill_(7), "attribute `self.rows`: 4 of 4 elements differ, largest by 7"),
    (lambda m, a, k: setattr(m, "step", 1), "attribute `self.step`: 1 in eager mode, 0 here"),
    (
        lambda m, a, k: setattr(m, "last", torch.ones(1)),
        "attribute `self.last`: torch.float32[1] on cpu in eager mode, None here",
    ),
    (lambda m, a, k: m.notes.append("b"), "attribute `self.notes[1]` is there in eager mode, and is not here"),
    (
        lambda m, a, k: m.lin.weight.detach().fill_(9),
        "attribute `self.lin.weight`: 4 of 4 elements differ, largest by ",
    ),
]


@pytest.mark.parametrize(("write", "told"), WRITES)
def test_a_write_that_is_lost_is_told_with_its_place(write, told):
    found = compared({PROFILE: write}, {PROFILE: nothing})

    (detail,) = details(found[PROFILE])
    assert detail.startswith(told)


@pytest.mark.parametrize("write", [write for write, _ in WRITES])
def test_a_write_that_is_made_is_none_of_the_differences(write):
    found = compared({PROFILE: write}, {PROFILE: write})

    assert details(found[PROFILE]) == []


def test_a_write_that_eager_mode_does_not_make_is_told():
    def write(model, args, kwargs):
        args[0].add_(1)
        model.step = 2

    found = compared({PROFILE: nothing}, {PROFILE: write})

    assert details(found[PROFILE]) == [
        "argument `x` is written, and eager mode leaves it as it was",
        "attribute `self.step` is written, and eager mode leaves it as it was",
    ]


def test_what_a_call_has_not_touched_is_not_copied():
    def write(model, args, kwargs):
        model.rows.fill_(1)

    found = made(Recorder(), {PROFILE: write})

    assert list(found[PROFILE].left.changed) == ["attribute `self.rows`"]


def test_what_there_is_no_room_to_copy_is_compared_by_a_checksum():
    def write(value):
        def act(model, args, kwargs):
            args[0].fill_(value)

        return act

    def found(other):
        return details(compared({PROFILE: write(1)}, {PROFILE: other}, recorder=Recorder(room_bytes=16))[PROFILE])

    assert found(write(1)) == []
    assert found(write(2)) == ["argument `x` holds other data than in eager mode"]
    assert found(nothing) == ["argument `x` is written in eager mode, and left as it was here"]


def test_tensors_of_inference_mode_have_no_version_and_are_compared_all_the_same():
    def write(model, args, kwargs):
        with torch.inference_mode():
            model.last.add_(1)

    def with_inference_tensor():
        model = Net()
        with torch.inference_mode():
            model.last = torch.zeros(2)
        return model

    truth = made(Recorder(), {PROFILE: write}, with_inference_tensor())[PROFILE].left
    found = made(Comparer({PROFILE: [truth]}), {PROFILE: nothing}, with_inference_tensor())

    assert details(found[PROFILE]) == ["attribute `self.last`: 2 of 2 elements differ, largest by 1"]


def test_a_place_that_was_different_before_the_call_is_told_with_the_call_that_made_it_so():
    def add(model, args, kwargs):
        model.rows.add_(1)

    found = compared(
        {PROFILE: nothing, "a": add, "b": add, "c": nothing}, {PROFILE: nothing, "a": nothing, "b": add, "c": nothing}
    )

    assert [effect.since for effect in found["a"].wrong] == [None]
    assert [effect.since for effect in found["b"].wrong] == ["a"]
    assert found["c"].wrong == ()
    assert found["c"].before == (("attribute `self.rows`", "a"),)


def test_what_is_written_as_in_eager_mode_again_is_no_longer_different():
    def fill(model, args, kwargs):
        model.rows.fill_(3)

    found = compared(
        {PROFILE: nothing, "a": fill, "b": fill, "c": nothing},
        {PROFILE: nothing, "a": nothing, "b": fill, "c": nothing},
    )

    assert (found["b"].wrong, found["c"].before) == ((), ())


def test_a_captured_graph_is_not_asked_for_python_values():
    def write(model, args, kwargs):
        model.step += 1
        model.rows.add_(1)

    found = compared({PROFILE: write}, {PROFILE: nothing}, tensors_only=True)

    assert [effect.place for effect in found[PROFILE].wrong] == ["attribute `self.rows`"]


def test_rounding_is_measured_in_the_profile_call_and_explains_no_more_than_that():
    def write(error):
        def act(model, args, kwargs):
            model.rows.copy_(torch.tensor([1.0, 2.0, 3.0, 4.0]) * (1 + error))

        return act

    eager = {PROFILE: write(0), "rounded": write(0), "wrong": write(0)}
    other = {PROFILE: write(1e-3), "rounded": write(2e-3), "wrong": write(0.5)}

    found = compared(eager, other, largest_noise=0.01)

    assert {name: bool(effects.wrong) for name, effects in found.items()} == {
        PROFILE: False,
        "rounded": False,
        "wrong": True,
    }
    assert compared(eager, other)["rounded"].wrong != ()
    assert compared(eager, other, largest_noise=1e-4)["rounded"].wrong != ()


def test_tensors_without_values_prove_nothing():
    with FakeTensorMode():
        fake = torch.zeros(2)

    def write(model, args, kwargs):
        model.last = fake

    assert compared({PROFILE: write}, {PROFILE: write})[PROFILE].lacks_values


def test_memory_that_was_looked_at_can_still_be_resized():
    tensor = torch.arange(4.0)

    found = checksum(tensor)
    tensor.untyped_storage().resize_(32)

    assert found == zlib.crc32(torch.arange(4.0).numpy().tobytes())
    assert checksum(torch.empty(0)) == zlib.crc32(b"")
