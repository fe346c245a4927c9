"""A graph runs once on tensors without values that look the same; whatever could differ runs each time."""

from collections.abc import Callable

import pytest
import torch

from steadygraph.accelerator import simulated
from steadygraph.observe.replay.fake_runs import FakeRuns


class Counted:
    """A graph that counts its runs."""

    def __init__(self, graph: Callable[..., tuple]) -> None:
        self.graph, self.runs = graph, 0

    def __call__(self, *args):
        self.runs += 1
        return self.graph(*args)


def on_device(*shape, **kwargs):
    return torch.randn(*shape, device="cuda", **kwargs)


def add(x, y):
    return (x + y,)


def test_a_second_run_gives_other_tensors_that_look_the_same() -> None:
    graph = Counted(lambda x, n: (x @ x.t(), n, x, None))
    runs = FakeRuns(graph)
    with simulated("cuda"):
        first = runs(on_device(3, 4, dtype=torch.bfloat16), 5)
        x = on_device(3, 4, dtype=torch.bfloat16)

        product, number, given, nothing = runs(x, 5)

    assert graph.runs == 1
    assert (product.shape, product.dtype, str(product.device)) == ((3, 3), torch.bfloat16, "cuda:0")
    assert product is not first[0]
    assert (number, nothing) == (5, None)
    assert given is x


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(lambda: (on_device(2, 1), on_device(2, 3)), id="sizes"),
        pytest.param(lambda: (on_device(3, 2).t(), on_device(2, 3)), id="strides"),
        pytest.param(lambda: (on_device(2, 3, dtype=torch.float64), on_device(2, 3)), id="dtype"),
        pytest.param(lambda: (on_device(2, 3), 2), id="a number in the place of a tensor"),
        pytest.param(lambda: (on_device(3, 3)[1:], on_device(2, 3)), id="where in memory it begins"),
        pytest.param(lambda: 2 * (on_device(2, 3),), id="one tensor twice"),
    ],
)
def test_inputs_that_look_different_are_run(other: Callable[[], tuple]) -> None:
    graph = Counted(add)
    runs = FakeRuns(graph)
    with simulated("cuda"), torch.no_grad():
        runs(on_device(2, 3), on_device(2, 3))

        runs(*other())

    assert graph.runs == 2


@pytest.mark.parametrize(
    ("graph", "inputs"),
    [
        pytest.param(add, lambda: (torch.ones(2), torch.ones(2)), id="values"),
        pytest.param(add, lambda: (on_device(2), torch.ones(())), id="a value among others"),
        pytest.param(add, lambda: (on_device(2, requires_grad=True), on_device(2)), id="gradients"),
        pytest.param(lambda x: (x[1:],), lambda: (on_device(2),), id="a view of an input"),
        pytest.param(lambda x: ((y := x + 1), y.view(-1)), lambda: (on_device(2),), id="two results in one memory"),
        pytest.param(lambda x: (x.resize_(4) + 1,), lambda: (on_device(2),), id="an input that changes its size"),
        pytest.param(lambda x: ({"y": x + 1},), lambda: (on_device(2),), id="a result of another kind"),
    ],
)
def test_what_could_differ_is_run_each_time(graph: Callable[..., tuple], inputs: Callable[[], tuple]) -> None:
    counted = Counted(graph)
    runs = FakeRuns(counted)
    with simulated("cuda"):
        for _ in range(2):
            runs(*inputs())

    assert counted.runs == 2


def test_other_settings_of_the_process_are_other_inputs() -> None:
    graph = Counted(lambda x: (x @ x,))
    runs = FakeRuns(graph)
    with simulated("cuda"), torch.no_grad():
        runs(on_device(2, 2))

        with torch.autocast("cuda", dtype=torch.bfloat16):
            (product,) = runs(on_device(2, 2))

    assert graph.runs == 2
    assert product.dtype == torch.bfloat16


def test_what_raises_raises_again() -> None:
    runs = FakeRuns(add)

    with simulated("cuda"):
        for _ in range(2):
            with pytest.raises(RuntimeError, match="broadcast"):
                runs(on_device(2), on_device(3))
