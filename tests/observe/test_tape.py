"""A recorded call, replayed: it must do what a CUDA graph does, right or wrong."""

import pytest
import torch
from torch import nn

from steadygraph.observe.replay.tape import NotReplayableError, Tape


def replayed(function, recorded, new):
    tape = Tape.of(function, recorded, {})
    return tape.replay(new, {})


def test_new_values_of_the_same_shape_give_the_eager_result():
    layer = nn.Linear(4, 4)

    def function(x):
        h = layer(x)
        return torch.softmax(h.view(2, 2, 4).transpose(1, 2), -1).reshape(-1).cumsum(0)

    x, y = torch.randn(4, 4), torch.randn(4, 4)

    assert torch.allclose(replayed(function, (x,), (y,)), function(y))


def test_the_memory_of_the_output_stays_the_same():
    tape = Tape.of(lambda x: x * 2, (torch.ones(3),), {})
    address = tape.output.data_ptr()

    output = tape.replay((torch.full((3,), 5.0),), {})

    assert output.data_ptr() == address
    assert output.tolist() == [10.0, 10.0, 10.0]


def test_in_place_writes_into_a_buffer_are_repeated():
    buffer = torch.zeros(4)

    def function(x):
        buffer[:2].add_(x)
        return buffer.sum()

    tape = Tape.of(function, (torch.ones(2),), {})
    tape.replay((torch.full((2,), 10.0),), {})

    assert buffer.tolist() == [11.0, 11.0, 0.0, 0.0]


def test_python_values_are_frozen():
    scale = [2]

    def function(x):
        return x * scale[0]

    tape = Tape.of(function, (torch.ones(2),), {})
    scale[0] = 5

    assert tape.replay((torch.ones(2),), {}).tolist() == [2.0, 2.0]


def test_control_flow_is_frozen():
    def function(x):
        return x + 1 if x.sum() > 0 else x - 1

    assert replayed(function, (torch.ones(2),), (-torch.ones(2),)).tolist() == [0.0, 0.0]


def test_a_replaced_tensor_is_not_followed():
    class Holder:
        rows = torch.zeros(2)

    def function(x):
        Holder.rows.copy_(x)
        return x

    tape = Tape.of(function, (torch.ones(2),), {})
    Holder.rows = torch.zeros(2)
    tape.replay((torch.full((2,), 7.0),), {})

    assert Holder.rows.tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ((torch.ones(3),), "args[0] has shape (3,), and (2,) was captured"),
        ((torch.ones(2, dtype=torch.float64),), "args[0] has dtype torch.float64, and torch.float32 was captured"),
        ((None,), "args[0] was a tensor when the graph was captured, and is none now"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_before_anything_is_written(new, message):
    tape = Tape.of(lambda x: x * 2, (torch.ones(2),), {})

    with pytest.raises(NotReplayableError) as caught:
        tape.replay(new, {})

    assert str(caught.value) == message
    assert tape.output.tolist() == [2.0, 2.0]


def test_tensors_in_objects_are_static_inputs_too():
    class Payload:
        def __init__(self, rows):
            self.rows = rows

    def function(payload):
        return payload.rows + 1

    tape = Tape.of(function, (Payload(torch.zeros(2)),), {})

    assert tape.replay((Payload(torch.ones(2)),), {}).tolist() == [2.0, 2.0]


def test_a_call_that_enters_inference_mode_by_itself_is_replayed_outside_of_it():
    function = torch.inference_mode()(lambda x: (x * 2).cumsum(0))

    assert replayed(function, (torch.ones(3),), (torch.tensor([1.0, 2.0, 3.0]),)).tolist() == [2.0, 6.0, 12.0]
