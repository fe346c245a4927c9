"""What makes the host wait, by name and line; hand-written lists of what does and what does not."""

from dataclasses import replace

import pytest
import torch

from steadygraph.model import Ambient, BreakReason, Graph, GraphBreak, Location, NoneNode, Observation, Sync
from steadygraph.observe.syncs.syncs import SyncWatch, when_compiled

X = torch.arange(6.0).reshape(3, 2)
MASK = torch.tensor([True, False, True])
ROWS = torch.zeros(2, 2)


def watched(action):
    watch = SyncWatch()
    with watch.watching():
        action()
    return watch.syncs()


def assign(value):
    x = X.clone()
    x[MASK] = value


BLOCKING = {
    "item": lambda: X.sum().item(),
    "bool": lambda: bool(X.sum() > 0),
    "int": lambda: int(X[0, 0]),
    "range over a tensor": lambda: range(torch.tensor(3)),
    "nonzero": lambda: MASK.nonzero(),
    "where with one argument": lambda: torch.where(MASK),
    "mask index": lambda: X[MASK],
    "mask assignment": lambda: assign(ROWS),
    "masked_select": lambda: X.masked_select(MASK.unsqueeze(1)),
    "unique": lambda: X.unique(),
    "repeat_interleave": lambda: torch.repeat_interleave(torch.tensor([1, 2])),
    "repeat_interleave with repeats": lambda: X.repeat_interleave(torch.tensor([1, 2, 0]), 0),
    "equal": lambda: torch.equal(X, X),
    "allclose": lambda: torch.allclose(X, X),
    "print": lambda: repr(X),
    "format": lambda: f"{X}",
    "argwhere": lambda: torch.argwhere(MASK),
    "histc": lambda: torch.histc(X),
    "normal with a tensor of deviations": lambda: torch.normal(X, X),
    "tolist": lambda: X.tolist(),
    "cpu": lambda: X.cpu(),
    "numpy": lambda: X.numpy(),
}
FREE = {
    "arithmetic": lambda: (X + 1).relu().sum(),
    "integer index": lambda: X[torch.tensor([0, 2])],
    "slices": lambda: X[1:, :1],
    "a number through a mask": lambda: assign(0.0),
    "where with three arguments": lambda: torch.where(MASK.unsqueeze(1), X, 0.0),
    "masked_fill": lambda: X.masked_fill(MASK.unsqueeze(1), 1.0),
    "masked_scatter": lambda: X.masked_scatter(MASK.unsqueeze(1), ROWS),
    "index_copy": lambda: X.index_copy(0, torch.tensor([0, 2]), ROWS),
    "repeat_interleave with output_size": lambda: X.repeat_interleave(torch.tensor([1, 2, 0]), 0, output_size=3),
    "repeat_interleave by a number": lambda: X.repeat_interleave(2, 0),
    "histc with a range": lambda: torch.histc(X, 10, 0, 1),
    "normal with a number": lambda: torch.normal(X, 1.0),
    "making a tensor": lambda: torch.tensor([1.0, 2.0]),
    "an empty list": lambda: X[:0].tolist(),
    "shapes": lambda: [X.shape[0], X.numel(), X.dtype, X.device],
}


@pytest.mark.parametrize("name", BLOCKING)
def test_what_blocks_the_host_is_seen(name):
    assert len(watched(BLOCKING[name])) == 1


@pytest.mark.parametrize("name", FREE)
def test_what_does_not_is_left_alone(name):
    assert watched(FREE[name]) == ()


#: Arguments where a square matrix alone will not do.
LINALG = {"solve": (torch.eye(3), torch.eye(3)), "solve_ex": (torch.eye(3), torch.eye(3))}


@pytest.mark.parametrize("name", dir(torch.linalg))
def test_a_function_of_torch_linalg_blocks_as_its_page_says(name):
    function = getattr(torch.linalg, name)
    page = str(function.__doc__)
    if not callable(function) or "on a CUDA device, this function synchronizes" not in page:
        return

    found = watched(lambda: function(*LINALG.get(name, (torch.eye(3),))))

    assert bool(found) is ("synchronizes only when" not in page)


def test_the_line_is_the_users_and_repetitions_are_counted():
    def action():
        for _ in range(3):
            X.sum().item()  # three times

    (sync,) = watched(action)

    assert (sync.location.path, sync.location.text, sync.count) == (__file__, "X.sum().item()  # three times", 3)


def test_after_the_block_nothing_is_watched():
    watch = SyncWatch()
    with watch.watching():
        pass

    X.sum().item()

    assert watch.syncs() == ()


def test_a_code_object_of_a_region_on_the_stack_is_told():
    def forward():
        return X.sum().item()

    watch = SyncWatch([forward.__code__])
    with watch.watching():
        forward()
        X.sum().item()

    assert [s.in_region for s in watch.syncs()] == [True, False]


def observation(graphs=(), breaks=()):
    return Observation("", "profile", NoneNode(), Ambient(), graphs=graphs, breaks=breaks)


PLACE = Location("m.py", 7, "forward", "x[mask] = rows")
INSIDE, OUTSIDE = Sync("assignment", PLACE, in_region=True), Sync("assignment", PLACE)


def test_outside_of_a_region_a_sync_remains():
    assert when_compiled([OUTSIDE], [observation()]) == (OUTSIDE,)


def test_inside_of_a_region_a_sync_that_the_graph_does_not_have_is_gone():
    assert when_compiled([INSIDE], [observation()]) == ()


def test_inside_of_a_region_a_graph_with_the_operator_at_that_line_keeps_it():
    graph = Graph("d", (), (), PLACE, blocking=(PLACE,))

    assert when_compiled([INSIDE], [observation(graphs=(graph,))]) == (INSIDE,)


def test_inside_of_a_region_a_wait_that_the_code_asks_for_remains():
    asked = replace(INSIDE, explicit=True)

    assert when_compiled([asked], [observation()]) == (asked,)


def test_inside_of_a_region_a_break_at_that_line_keeps_it():
    one = GraphBreak(BreakReason.DATA_DEPENDENT_OPERATOR, "", PLACE)

    assert when_compiled([INSIDE], [observation(breaks=(one,))]) == (INSIDE,)
