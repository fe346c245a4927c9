"""ModelState: what a forward changes comes back in place."""

import collections
import copy
import itertools
import random
import threading
import time
from collections import OrderedDict, deque

import numpy as np
import pytest
import torch
from torch import nn

from steadygraph.observe.state import tensor_state
from steadygraph.observe.state.state import ModelState


class Cache:
    def __init__(self):
        self.k = torch.zeros(4, 2)
        self.seen = 0


class Slotted:
    __slots__ = ("filled", "later")

    def __init__(self):
        self.filled = 1


class Holder(nn.Module):
    """A module with one attribute of each kind that a test asks for."""

    def __init__(self, **attributes):
        super().__init__()
        for name, value in attributes.items():
            setattr(self, name, value)


def restored(model, change):
    """Capture, change, restore: the state object, for its remarks."""
    state = ModelState.capture(model)
    change(model)
    state.restore()
    return state


# --- attributes and containers -----------------------------------------------------------------------


def test_attributes_of_modules_and_plain_objects_come_back():
    cache = Cache()
    model = Holder(step=1, cache=cache)

    def change(model):
        model.step += 1
        model.new = "x"
        model.cache.seen = 5
        model.cache.extra = 1
        del model.cache.k
        model.cache = None

    state = restored(model, change)

    assert model.cache is cache
    assert (model.step, cache.seen, list(vars(cache))) == (1, 0, ["k", "seen"])
    assert not hasattr(model, "new")
    assert state.unrestorable == ()


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: [1, [2]], lambda x: (x.append(3), x[1].append(4))),
        (lambda: [3, 1, 2], lambda x: x.sort()),
        (lambda: {"a": 1, "b": {"c": 2}}, lambda x: (x.pop("a"), x["b"].clear(), x.update(d=1))),
        (lambda: {"a": 1, "b": 2}, lambda x: x.update(a=x.pop("a"))),
        (lambda: OrderedDict(a=1, b=2), lambda x: (x.move_to_end("a"), x.update(c=3))),
        (lambda: collections.defaultdict(list, a=[1]), lambda x: (x["new"], x["a"].append(2))),
        (lambda: collections.Counter("ab"), lambda x: x.update("abc")),
        (lambda: {1, 2}, lambda x: (x.discard(1), x.add(3))),
        (lambda: deque([1, 2], maxlen=2), lambda x: x.append(3)),
        (lambda: bytearray(b"ab"), lambda x: x.extend(b"c")),
        (lambda: (1, [2]), lambda x: x[1].append(3)),
        (lambda: np.arange(3), lambda x: x.__setitem__(0, 9)),
    ],
)
def test_a_container_comes_back_in_content_and_order(make, change):
    held = make()
    model = Holder(held=held)

    restored(model, lambda model: change(model.held))

    assert model.held is held
    assert repr(held) == repr(make())


def test_slots_come_back_filled_and_empty():
    slotted = Slotted()

    def change(model):
        slotted.later = 2
        del slotted.filled

    restored(Holder(slotted=slotted), change)

    assert slotted.filled == 1
    assert not hasattr(slotted, "later")


def test_mode_members_and_hooks_of_modules_come_back():
    model = nn.Sequential(nn.Linear(1, 1), nn.Dropout())
    model.register_buffer("table", None)
    before = list(model.named_modules())

    def change(model):
        model.eval()
        model[0].register_forward_hook(lambda *_: None)
        model.append(nn.ReLU())
        model.register_buffer("late", torch.ones(1))
        model[0].weight = nn.Parameter(torch.zeros(1, 1))
        model.table = torch.ones(1)

    weight = model[0].weight
    restored(model, change)

    assert list(model.named_modules()) == before
    assert all(module.training for module in model.modules())
    assert model[0].weight is weight
    assert list(model.named_buffers()) == []
    assert not model[0]._forward_hooks


def test_objects_behind_bound_methods_and_partials_come_back():
    import functools

    counter = Cache()

    def change(model):
        counter.seen = 3
        model.partial.keywords["scale"] = 2

    model = Holder(method=counter.__init__, partial=functools.partial(int, scale=1))
    restored(model, change)

    assert counter.seen == 0
    assert model.partial.keywords == {"scale": 1}


def test_random_generators_held_by_a_model_come_back():
    model = Holder(
        torch_generator=torch.Generator().manual_seed(1),
        python_generator=random.Random(1),
        numpy_generator=np.random.default_rng(1),
    )

    def draw(model):
        return (
            torch.rand(1, generator=model.torch_generator).item(),
            model.python_generator.random(),
            model.numpy_generator.random(),
        )

    state = ModelState.capture(model)
    first = draw(model)
    state.restore()

    assert draw(model) == first


def test_odd_objects_are_survived():
    class Tripwire:
        def __getattr__(self, name):
            raise AssertionError("ran")

        @property
        def loaded(self):
            raise AssertionError("ran")

    model = Holder(
        lock=threading.Lock(),
        generator=(i for i in range(3)),
        iterator=itertools.count(),
        module=torch,
        function=lambda: 1,
        kind=int,
        local=threading.local(),
        tripwire=Tripwire(),
        error=ValueError("x"),
    )
    model.itself = model

    state = restored(model, lambda model: setattr(model, "lock", None))

    assert model.lock is not None
    assert next(model.generator) == 0
    assert state.unrestorable == ()


def test_loggers_are_left_alone():
    import logging

    model = Holder(log=logging.getLogger("steadygraph.test_state"))

    restored(model, lambda _: logging.getLogger("steadygraph.test_state.made_later"))

    assert "steadygraph.test_state.made_later" in logging.Logger.manager.loggerDict


def test_a_long_list_of_numbers_is_quick():
    model = Holder(vocabulary=list(range(1_000_000)))
    start = time.perf_counter()
    sum(number for number in model.vocabulary)
    one_pass = time.perf_counter() - start

    start = time.perf_counter()
    restored(model, lambda model: model.vocabulary.append(1))

    assert len(model.vocabulary) == 1_000_000
    assert time.perf_counter() - start < 20 * one_pass


# --- tensors ----------------------------------------------------------------------------------------


def test_values_of_buffers_plain_tensors_and_parameters_come_back():
    model = nn.BatchNorm1d(2)
    model.scratch = [torch.full((2,), float("nan"))]
    tensors = [*model.parameters(), *model.buffers(), *model.scratch]
    before = [tensor.detach().clone() for tensor in tensors]

    def change(model):
        model(torch.randn(8, 2))
        model.scratch[0].fill_(1)
        model.weight.data.zero_()

    restored(model, change)

    assert all(a is b for a, b in zip(tensors, [*model.parameters(), *model.buffers(), *model.scratch], strict=True))
    torch.testing.assert_close(tensors, before, rtol=0, atol=0, equal_nan=True)


def test_views_keep_sharing_memory():
    base = torch.arange(6.0)
    model = Holder(base=base, view=base[2:4])

    restored(model, lambda model: model.view.fill_(9))

    assert base.tolist() == [0, 1, 2, 3, 4, 5]
    base[2] = 7
    assert model.view.tolist() == [7, 3]


def test_tensors_that_look_elsewhere_come_back_to_their_memory():
    model = Holder(
        a=torch.arange(4.0), b=torch.arange(4.0), c=torch.arange(4.0), d=torch.arange(6.0), e=torch.arange(4.0)
    )
    tensors = dict(vars(model))
    addresses = {name: getattr(model, name).data_ptr() for name in "abde"}

    def change(model):
        model.a.data = torch.ones(9)
        model.b.set_(torch.ones(2, 2))
        model.c.resize_(100).fill_(5)
        model.d.t_().unsqueeze_(0)
        model.e.data = model.e.data.half()

    state = restored(model, change)

    assert state.unrestorable == ()
    assert {name: getattr(model, name).data_ptr() for name in "abde"} == addresses
    assert all(getattr(model, name) is tensors[name] for name in "abcde")
    assert {name: getattr(model, name).tolist() for name in "abce"} == {name: [0, 1, 2, 3] for name in "abce"}
    assert model.d.shape == (6,)
    assert model.e.dtype is torch.float32


def test_a_storage_that_was_emptied_is_filled_again():
    model = Holder(a=torch.arange(4.0))

    restored(model, lambda model: model.a.untyped_storage().resize_(0))

    assert model.a.tolist() == [0, 1, 2, 3]


def test_a_buffer_that_joined_an_autograd_graph_leaves_it():
    model = nn.Linear(2, 2)
    model.register_buffer("k", torch.zeros(3, 2))

    def change(model):
        model.k.index_copy_(0, torch.tensor([0]), model(torch.ones(1, 2)))
        assert model.k.requires_grad

    state = restored(model, change)

    assert (model.k.requires_grad, model.k.grad_fn, model.k.is_leaf) == (False, None, True)
    assert model.k.tolist() == [[0, 0]] * 3
    assert state.unrestorable == ()


def test_requires_grad_and_grad_come_back():
    model = nn.Linear(2, 1)
    model(torch.ones(1, 2)).sum().backward()
    grad = model.weight.grad
    before = grad.clone()

    def change(model):
        model(torch.ones(1, 2)).sum().backward()  # accumulates in place
        model.bias.grad = None
        model.weight.requires_grad_(False)

    bias_grad = model.bias.grad
    restored(model, change)

    assert model.weight.requires_grad
    assert model.weight.grad is grad
    assert torch.equal(grad, before)
    assert model.bias.grad is bias_grad


def test_marks_on_tensors_come_back():
    model = Holder(a=torch.ones(1), b=torch.ones(1))
    model.b.tag = 1

    def change(model):
        model.a.tag = 2
        model.b.tag = 3

    restored(model, change)

    assert not hasattr(model.a, "tag")
    assert model.b.tag == 1


def test_inference_tensors_come_back():
    with torch.inference_mode():
        model = Holder(k=torch.zeros(2))

    def change(model):
        with torch.inference_mode():
            model.k.fill_(3)

    restored(model, change)

    assert model.k.tolist() == [0, 0]
    assert model.k.is_inference()


def test_capture_and_restore_work_inside_of_inference_mode_and_other_modes():
    from torch._subclasses.fake_tensor import FakeTensorMode

    model = nn.BatchNorm1d(2)

    with torch.inference_mode(), torch.device("meta"), FakeTensorMode():
        state = ModelState.capture(model)
    model(torch.randn(4, 2))
    with torch.inference_mode(), torch.device("meta"), FakeTensorMode():
        state.restore()

    assert model.running_mean.tolist() == [0, 0]
    assert not model.running_mean.is_inference()


def test_sparse_meta_and_fake_tensors_are_survived():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fake = torch.ones(2)
    model = Holder(
        sparse=torch.eye(2).to_sparse(),
        csr=torch.eye(2).to_sparse_csr(),
        meta=torch.ones(2, device="meta"),
        fake=fake,
        quantized=torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.qint8),
        nested=torch.nested.nested_tensor([torch.ones(1), torch.ones(2)], layout=torch.jagged),
        empty=torch.ones(0),
    )

    def change(model):
        model.sparse.mul_(2)
        model.fake.add_(1)
        model.meta.add_(1)
        model.nested.add_(1)

    state = restored(model, change)

    assert model.sparse.to_dense().tolist() == [[1, 0], [0, 1]]
    assert model.nested.unbind()[1].tolist() == [1, 1]
    assert state.unrestorable == ()


def test_a_lazy_layer_is_lazy_again():
    model = nn.LazyLinear(2)

    restored(model, lambda model: model(torch.ones(1, 3)))

    assert type(model) is nn.LazyLinear
    assert model.has_uninitialized_params()
    assert model(torch.ones(1, 5)).shape == (1, 2)


def test_restoring_again_and_again_gives_the_same_state():
    model = nn.BatchNorm1d(2)
    model.seen = []
    state = ModelState.capture(model)

    for _ in range(3):
        model(torch.randn(4, 2))
        model.seen.append(1)
        state.restore()

        assert model.running_mean.tolist() == [0, 0]
        assert model.num_batches_tracked.item() == 0
        assert model.seen == []


# --- large models -------------------------------------------------------------------------------------


def test_large_parameters_are_not_copied_and_a_write_to_them_is_told(monkeypatch):
    monkeypatch.setattr(tensor_state, "PARAMETER_LIMIT_BYTES", 100)
    model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4))

    def change(model):
        with torch.no_grad():
            model[0].weight.fill_(1)
        model[1].running_mean.fill_(1)

    state = restored(model, change)

    assert state.unrestorable == ("0.weight",)
    assert model[1].running_mean.tolist() == [0, 0, 0, 0]


def test_of_other_tensors_the_smallest_are_copied_first(monkeypatch):
    monkeypatch.setattr(tensor_state, "OTHER_LIMIT_BYTES", 50)
    model = Holder(large=torch.zeros(20), small=torch.zeros(2))

    def change(model):
        model.large.fill_(1)
        model.small.fill_(1)

    state = restored(model, change)

    assert state.unrestorable == ("large",)
    assert model.small.tolist() == [0, 0]


def test_tied_weights_and_views_are_copied_once(monkeypatch):
    weight = nn.Parameter(torch.zeros(16))
    model = Holder(a=weight, b=weight)
    model.views = [weight.detach()[i:] for i in range(8)]
    copied = []
    original = tensor_state._bytes
    monkeypatch.setattr(tensor_state, "_bytes", lambda storage: copied.append(storage.nbytes()) or original(storage))

    ModelState.capture(model)

    assert copied == [64]


def test_a_model_of_300_modules_is_captured_and_restored_quickly(shortest):
    model = nn.Sequential(*[nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8)) for _ in range(100)])

    copied = shortest(lambda: copy.deepcopy(model))

    assert shortest(lambda: ModelState.capture(model).restore()) < 5 * copied


def test_modules_that_torch_builds_are_opened_too():
    model = torch.fx.symbolic_trace(nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)))
    running_mean = model.get_buffer("1.running_mean")

    restored(model, lambda model: model(torch.randn(4, 1)))

    assert running_mean.tolist() == [0]


def test_an_activation_that_was_kept_stays_part_of_its_graph():
    model = nn.Linear(1, 1)
    model.kept = model.weight * 2

    state = restored(model, lambda model: model(torch.ones(1, 1)))

    assert state.unrestorable == ()
    model.kept.sum().backward()
    assert model.weight.grad.tolist() == [[2]]


def test_a_long_linked_list_comes_back():
    class Link:
        def __init__(self, after):
            self.after = after
            self.seen = 0

    last = chain = Link(None)
    for _ in range(5_000):
        chain = Link(chain)

    restored(Holder(chain=chain), lambda _: setattr(last, "seen", 1))

    assert last.seen == 0


class Hidden(nn.Module):
    """One of everything that is put back."""

    kind = "class attribute"

    def __init__(self):
        super().__init__()
        self.register_buffer("rows", torch.zeros(3))
        self.large = nn.Parameter(torch.ones(2))
        self.items, self.table, self.names = [1], {"a": 1}, {"x"}
        self.generator, self.random = torch.Generator(), random.Random(0)
        self.array, self.draws = np.zeros(2), np.random.default_rng(0)
        self.lazy, self.slots = nn.LazyLinear(2), Slots()


class Slots:
    __slots__ = ("filled",)

    def __init__(self):
        self.filled = 1


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.rows.add_(1),
        lambda m: m.rows.data.add_(1),
        lambda m: setattr(m, "rows", torch.zeros(3)),
        lambda m: setattr(m, "new", 1),
        lambda m: delattr(m, "items"),
        lambda m: m.eval(),
        lambda m: m.register_forward_hook(print),
        lambda m: m.large.requires_grad_(False),
        lambda m: setattr(m.large, "grad", torch.ones(2)),
        lambda m: m.items.append(2),
        lambda m: m.items.__setitem__(0, 2),
        lambda m: m.table.update(a=2),
        lambda m: m.table.update(a=m.table.pop("a"), b=1),
        lambda m: m.names.add("y"),
        lambda m: torch.rand(1, generator=m.generator),
        lambda m: m.random.random(),
        lambda m: m.array.fill(1),
        lambda m: m.draws.random(),
        lambda m: m.lazy(torch.ones(1, 3)),
        lambda m: setattr(m.slots, "filled", 2),
        lambda m: delattr(m.slots, "filled"),
        lambda m: setattr(Hidden, "kind", "another"),
    ],
)
def test_every_change_is_noticed_until_it_is_put_back(change):
    model = Hidden()
    state = ModelState(model)
    before = state.changed()

    change(model)
    noticed = state.changed()
    state.restore()

    assert (before, noticed, state.changed()) == (False, True, False)
