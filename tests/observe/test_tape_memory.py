"""Which memory a replay uses: that of the recorded call, whatever became of the tensors that lay in it."""

import pytest
import torch
from torch import nn

from steadygraph.observe.replay.tape import FreedMemoryError, Tape

ONES = torch.ones(2, 3)


def data_replaced(layer):
    layer.weight.data = torch.full((3, 3), 5.0)


def storage_set(layer):
    with torch.no_grad():
        layer.weight.set_(torch.full((3, 3), 5.0))


def swapped(layer):
    torch.utils.swap_tensors(layer.weight, nn.Parameter(torch.full((3, 3), 5.0)))


def cast(layer):
    layer.double()


def loaded_by_assignment(layer):
    layer.load_state_dict({"weight": torch.full((3, 3), 5.0)}, assign=True)


def parameter_replaced(layer):
    layer.weight = nn.Parameter(torch.full((3, 3), 5.0))


def copied(layer):
    with torch.no_grad():
        layer.weight.copy_(torch.full((3, 3), 5.0))


def loaded(layer):
    layer.load_state_dict({"weight": torch.full((3, 3), 5.0)})


def stepped(layer):
    layer.weight.grad = torch.full((3, 3), -4.0)
    torch.optim.SGD(layer.parameters(), lr=1.0).step()


def written_through_data(layer):
    layer.weight.data.fill_(5.0)


def layer_of_ones():
    layer = nn.Linear(3, 3, bias=False)
    nn.init.ones_(layer.weight)
    return layer


@pytest.mark.parametrize(
    "move",
    [data_replaced, storage_set, swapped, cast, loaded_by_assignment, parameter_replaced],
    ids=lambda f: f.__name__,
)
def test_a_parameter_in_other_memory_is_not_followed(move):
    layer = layer_of_ones()
    tape = Tape.of(layer, (ONES,), {})

    move(layer)

    assert tape.replay((ONES,), {}).tolist() == [[3.0] * 3] * 2


@pytest.mark.parametrize("write", [copied, loaded, stepped, written_through_data], ids=lambda f: f.__name__)
def test_new_values_in_the_same_memory_are_seen(write):
    layer = layer_of_ones()
    tape = Tape.of(layer, (ONES,), {})

    write(layer)

    assert torch.equal(tape.replay((ONES,), {}), layer(ONES))


def test_an_input_that_moved_is_copied_like_any_other():
    x = torch.ones(2)
    tape = Tape.of(lambda x: x * 2, (x,), {})

    x.data = torch.full((2,), 7.0)

    assert tape.replay((x,), {}).tolist() == [14.0, 14.0]


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_view_made_in_place_is_the_same_in_every_replay(times):
    def function(x):
        return (x * 1).t_().unsqueeze_(0) @ x

    x = torch.arange(6.0).reshape(2, 3)
    tape = Tape.of(function, (ONES,), {})

    for _ in range(times):
        output = tape.replay((x,), {})

    assert torch.equal(output, function(x))


def test_a_copy_that_looks_like_a_view_is_made_again():
    def function(x):
        return x.t().reshape(6) + x.t().contiguous().flatten()

    x = torch.arange(6.0).reshape(2, 3)
    with torch.inference_mode():
        tape = Tape.of(function, (ONES,), {})

        output = tape.replay((x,), {})

        assert torch.equal(output, function(x))


def test_a_write_by_a_replay_shows_in_the_version_of_the_tensor_and_in_no_other():
    cache, scale = nn.Parameter(torch.zeros(2), requires_grad=False), torch.full((2,), 3.0)
    tape = Tape.of(lambda x: cache.addcmul_(x, scale), (torch.ones(2),), {})
    before = cache._version, scale._version

    tape.replay((torch.ones(2),), {})

    assert cache.tolist() == [6.0, 6.0]
    assert cache._version > before[0]
    assert scale._version == before[1]


def test_memory_that_was_given_back_is_not_read():
    buffer = torch.ones(4)
    tape = Tape.of(lambda x: x + buffer, (torch.ones(4),), {})
    buffer.untyped_storage().resize_(0)

    with pytest.raises(FreedMemoryError) as caught:
        tape.replay((torch.ones(4),), {})

    assert str(caught.value) == "the captured graph uses memory that was given back when a tensor was resized"


def test_operators_of_the_host_are_not_replayed_for_a_device():
    counter = torch.zeros(())

    def function(x):
        counter.add_(1)
        return x * 2

    tape = Tape.of(function, (torch.ones(2),), {}, device="cuda")
    tape.replay((torch.full((2,), 5.0),), {})

    assert counter.item() == 1
    assert tape.operators == []


def test_what_the_call_itself_resizes_is_replayed():
    def function(x):
        rows = x * 2
        rows.untyped_storage().resize_(4096)
        return rows + 1

    tape = Tape.of(function, (torch.ones(2),), {})

    assert tape.replay((torch.full((2,), 3.0),), {}).tolist() == [7.0, 7.0]
