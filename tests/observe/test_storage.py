"""Addresses: which tensors of a model are found, and under which names."""

import torch
from torch import nn

from steadygraph.observe.inputs.storage import addresses, handed


class Cache:
    def __init__(self):
        self.keys = [torch.zeros(2)]
        self.seen = 0


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(2, 2, bias=False)])
        self.register_buffer("table", torch.ones(3))
        self.register_buffer("absent", None)
        self.workspace = torch.zeros(4)
        self.cache = Cache()
        self.extra = {"d0": torch.zeros(1), "n": 3, "loop": self}
        self.outside = [nn.Linear(1, 1, bias=False)]
        self.on_meta = torch.zeros(2, device="meta")
        self.empty = torch.zeros(0)
        self.sparse = torch.eye(2).to_sparse()


def test_parameters_buffers_and_plain_tensors_are_found_at_any_depth():
    model = Model()

    assert addresses(model) == (
        ("cache.keys[0]", model.cache.keys[0].data_ptr()),
        ("extra['d0']", model.extra["d0"].data_ptr()),
        ("layers.0.weight", model.layers[0].weight.data_ptr()),
        ("outside[0].weight", model.outside[0].weight.data_ptr()),
        ("table", model.table.data_ptr()),
        ("workspace", model.workspace.data_ptr()),
    )


def test_a_replaced_tensor_has_another_address_and_an_overwritten_one_has_not():
    model = Model()
    before = dict(addresses(model))
    kept = model.workspace

    model.workspace = torch.zeros(8)
    model.table.copy_(torch.zeros(3))
    now = dict(addresses(model))

    assert kept is not None
    assert {name for name in before if before[name] != now[name]} == {"workspace"}


def test_tied_weights_are_listed_under_each_name():
    model = nn.ModuleDict({"embed": nn.Linear(2, 2, bias=False), "head": nn.Linear(2, 2, bias=False)})
    model["head"].weight = model["embed"].weight

    found = dict(addresses(model))

    assert found["embed.weight"] == found["head.weight"] == model["embed"].weight.data_ptr()


def test_fake_tensors_have_addresses_that_tell_views_from_copies(recwarn):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        model = nn.Linear(2, 4, device="cpu")
        model.view, model.row, model.copy = model.bias.detach(), model.bias[1:], model.bias.clone()
        model.empty = torch.zeros(0)

    found = dict(addresses(model))

    assert found["view"] == found["bias"] == found["row"] - 4
    assert found["copy"] not in (found["bias"], found["weight"])
    assert "empty" not in found
    assert not recwarn.list


def test_a_model_without_tensors_has_no_addresses():
    assert addresses(nn.Identity()) == ()


def test_a_linked_list_is_followed_for_a_while_only():
    class Link:
        def __init__(self, after):
            self.after = after
            self.x = torch.ones(1)

    chain = None
    for _ in range(5_000):
        chain = Link(chain)
    model = nn.Identity()
    model.chain = chain

    assert 10 < len(addresses(model)) < 200


class Around(nn.Module):
    def __init__(self):
        super().__init__()
        self.region = nn.Linear(2, 2)
        self.rows = [torch.zeros(8, 2)]


def test_arguments_that_lie_in_memory_of_the_model_are_named_with_its_beginning():
    model = Around()
    later_rows, own = model.rows[0][4:6], torch.zeros(2, 2)

    found = handed(model, model.region, (own, later_rows), {"levels": {"d0": model.rows[0]}})

    memory = model.rows[0].data_ptr()
    assert found == (("args[1]", "rows[0]", memory), ("kwargs['levels']['d0']", "rows[0]", memory))


def test_a_region_that_gets_its_own_weight_or_is_the_model_is_handed_nothing():
    model = Around()

    assert handed(model, model.region, (model.region.weight,), {}) == ()
    assert handed(model, model, (model.rows[0],), {}) == ()


def test_fake_arguments_are_known_by_their_memory_too():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        model = Around()
        found = handed(model, model.region, (torch.zeros(8, 2), model.rows[0][2:]), {})

    assert [(path, name) for path, name, _ in found] == [("args[1]", "rows[0]")]
