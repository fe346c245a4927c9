"""What goes on without values, what does not, and what is said about it; expectations are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from steadygraph.accelerator import unknown
from steadygraph.accelerator.limits import FakeImplementationError, SimulationError, ValueNeededError
from steadygraph.accelerator.simulation import simulated
from steadygraph.observe.inputs import structure, symbols


@pytest.fixture(autouse=True)
def device() -> Iterator[None]:
    with simulated():
        yield


def rows() -> torch.Tensor:
    return torch.ones(6, 8, device="cuda")


def mask() -> torch.Tensor:
    return torch.ones(6, device="cuda") > 0


def notes() -> tuple[str, ...]:
    unknowns = unknown.current()
    assert unknowns is not None
    return tuple(note.partition(" in ")[2].partition("`: ")[2] for note in unknowns.notes())


SIZES: dict[str, tuple[Callable[[], torch.Tensor], tuple[int | str, ...]]] = {
    "mask": (lambda: rows()[mask()], ("u0", 8)),
    "nonzero": (lambda: mask().nonzero(), ("u0", 1)),
    "masked_select": (lambda: rows().masked_select(mask().unsqueeze(1)), ("u0",)),
    "unique": (lambda: rows().unique(), ("u0",)),
    "repeat_interleave": (lambda: rows().repeat_interleave(mask().long(), 0), ("u0", 8)),
    "bincount": (lambda: torch.bincount(mask().long()), ("u0",)),
    "item as a size": (lambda: torch.zeros(mask().sum().item(), 2, device="cuda"), ("u0", 2)),
    "item as a size on the CPU": (lambda: torch.zeros(mask().sum().item(), 2), ("u0", 2)),
    "item as a factor": (lambda: rows() * rows().sum().item(), (6, 8)),
    "a row picked by a tensor": (lambda: rows()[mask().sum()], (8,)),
    "what a sum requires": (lambda: rows()[mask()] + torch.ones(4, 8, device="cuda"), (4, 8)),
    "concatenation": (lambda: torch.cat([rows()[mask()], rows()]), ("u0 + 6", 8)),
    "split by lengths": (lambda: rows().split(mask().long().tolist())[1], ("u0", 8)),
    "a mask on the CPU": (lambda: rows()[torch.arange(6) > 3], (2, 8)),
}


@pytest.mark.parametrize("name", SIZES)
def test_a_size_that_only_values_tell_is_a_symbol(name: str) -> None:
    make, shape = SIZES[name]

    spec = structure.tensor_spec(make())

    assert spec.shape == shape


def test_symbols_are_numbered_in_each_text_anew() -> None:
    calls = [structure.capture_call((rows()[mask()], rows()[mask()].shape[0]), {}) for _ in range(2)]

    assert calls[0] == calls[1]
    assert calls[0].children[1][1].value == "u1"


def emptied(x: torch.Tensor) -> str:
    if x.shape[0] == 0:
        return "met"
    return "not met"


def filled(x: torch.Tensor) -> str:
    if x.shape[0] == 6:
        return "met"
    return "not met"


def checked(x: torch.Tensor, n: int) -> torch.Tensor:
    if x.shape[0] > n:
        raise ValueError(f"{x.shape[0]} rows into {n}")
    assert x.numel() == n * 8
    return x


def chosen(x: torch.Tensor) -> str:
    if x.argmax() == 3:
        return "met"
    return "not met"


@pytest.mark.parametrize(
    ("ask", "condition"),
    [
        pytest.param(emptied, "if x.shape[0] == 0:", id="a size and 0"),
        pytest.param(filled, "if x.shape[0] == 6:", id="a size and a number"),
        pytest.param(chosen, "if x.argmax() == 3:", id="an index"),
    ],
)
def test_a_particular_number_is_not_met(ask: Callable[[torch.Tensor], str], condition: str) -> None:
    x = rows()[mask()]

    answer = ask(x)

    assert answer == "not met"
    assert notes()[-1].endswith(f"`{condition}` counts as not met")


def test_a_check_that_would_raise_passes_and_is_believed() -> None:
    kept = checked(rows()[mask()], 4)

    assert structure.tensor_spec(kept).shape == (4, 8)
    assert [note.partition(": ")[2] for note in notes()[1:]] == [
        "`if x.shape[0] > n:` counts as not met",
        "`assert x.numel() == n * 8` counts as met",
    ]


VALUES: dict[str, tuple[Callable[[], object], str]] = {
    "bool": (lambda: bool(rows().sum() > 0), "a decision needs the result of {reading}"),
    "if": (lambda: 1 if rows().sum() > 0 else 2, "a decision needs the result of {reading}"),
    "int": (lambda: int(rows().sum().long()), "a decision needs the result of {reading}"),
    "float": (lambda: float(rows().sum()), "a decision needs the result of {reading}"),
    "range": (lambda: range(mask().sum().item()), "a decision needs the result of {reading}"),
    "a bound": (
        lambda: 1 if rows()[mask()].shape[0] > 3 else 2,
        "a decision needs the result of indexing with a bool mask",
    ),
    "numpy": (lambda: rows().cpu().numpy(), ".numpy() is not supported for tensor subclasses"),
    "equal": (lambda: torch.equal(rows(), rows()), "torch.equal"),
}


@pytest.mark.parametrize("name", VALUES)
def test_what_needs_a_value_is_refused_with_a_sentence(name: str) -> None:
    ask, what = VALUES[name]
    reading = "reading a tensor as a Python value (.item(), bool(), int(), float())"

    with pytest.raises(RuntimeError) as caught:
        bool(ask())

    limit = limits_of(caught.value)
    assert str(limit) == f"{what.format(reading=reading)}: the values of a tensor on a simulated device are not known"
    assert limit.hint == "keep what decides on the CPU, or use a machine with the device"
    assert isinstance(limit, ValueNeededError)


def limits_of(error: BaseException) -> SimulationError:
    from steadygraph.accelerator.limits import limit_of

    limit = limit_of(error)
    assert limit is not None
    return limit


def test_a_dict_cannot_be_keyed_by_a_size_that_is_not_known() -> None:
    with pytest.raises(TypeError) as caught:
        hash(rows()[mask()].shape[0])

    assert isinstance(limits_of(caught.value), ValueNeededError)


def test_a_loop_that_waits_for_a_value_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unknown, "_MOST_DECISIONS", 50)

    def wait() -> None:
        n = mask().sum().item()
        while n != 3:
            pass

    with pytest.raises(ValueNeededError):
        wait()


def test_a_loop_over_an_unknown_number_of_rows_runs_once() -> None:
    seen = [row.shape for row in mask().nonzero()]

    assert seen == [(1,)]
    assert notes()[-1].partition(": ")[2] == "nonzero gives a symbol; one row stands for all that a loop goes through"


def test_a_line_is_told_once_with_all_that_was_unknown_in_it() -> None:
    for _ in range(2):
        rows()[mask()], mask().sum().item()

    assert notes() == (
        "this depends on values that a simulated device does not have: indexing with a bool mask gives a symbol; "
        "reading a tensor as a Python value (.item(), bool(), int(), float()) gives a symbol",
    )


def test_what_an_operator_required_is_known_when_the_call_runs_again() -> None:
    unknowns = unknown.current()
    assert unknowns is not None
    shapes = []

    for call, length in (("one", 4), ("two", 5), ("one", 4), ("two", 5)):
        unknowns.start(call)
        kept = rows()[mask()]
        shapes.append(structure.tensor_spec(kept).shape)
        kept + torch.ones(length, 8, device="cuda")

    assert shapes == [("u0", 8), ("u0", 8), (4, 8), (5, 8)]


def test_inputs_are_made_with_values() -> None:
    with unknown.known_inputs():
        image = torch.zeros(9, dtype=torch.bool, device="cuda")
        image[3:7] = True
        features = torch.randn(int(image.sum()), 2, device="cuda")
        table = torch.arange(12.0, device="cuda").reshape(6, 2)
        table[table > 5] = 0.0

        assert features.shape == (4, 2)
        assert image.tolist() == [False] * 3 + [True] * 4 + [False] * 2
        assert table.cpu().sum().item() == 15.0
        assert table[image[:6]].shape == (3, 2)
        assert torch.equal(table, table)
        assert image.nonzero().flatten().cpu().numpy().tolist() == [3, 4, 5, 6]
        assert not (table > 5).any()
    with pytest.raises(ValueNeededError):
        int(image.sum())
    assert [note for note in notes() if "symbol" not in note] == []


def test_what_the_cpu_cannot_compute_is_not_known_in_inputs() -> None:
    with unknown.known_inputs():
        narrow = torch.ones(4, 4, device="cuda").to(torch.float8_e4m3fn)

        total = narrow.exp()

        assert structure.tensor_spec(total).shape == (4, 4)
        with pytest.raises(ValueNeededError):
            int(total.float().sum())


def test_a_large_tensor_has_no_values_in_inputs_either() -> None:
    with unknown.known_inputs():
        large = torch.ones(2**20 + 1, device="cuda")

        with pytest.raises(ValueNeededError):
            int(large.sum())


@pytest.mark.parametrize(
    "run",
    [
        lambda loss, x: loss.backward(),
        lambda loss, x: torch.autograd.backward([loss]),
        lambda loss, x: torch.autograd.grad(loss, x),
    ],
)
def test_gradients_are_refused_with_a_sentence(run: Callable[[torch.Tensor, torch.Tensor], object]) -> None:
    x = rows().requires_grad_()

    with pytest.raises(SimulationError) as caught:
        run((x * 2).sum(), x)

    assert str(caught.value) == "backward() cannot run on a simulated device, which computes no gradients"
    assert caught.value.hint == "leave backward() out of the calls, or use a machine with the device"


def test_gradients_on_the_cpu_are_computed() -> None:
    x = torch.ones(2, requires_grad=True)

    (x * 3).sum().backward()

    assert x.grad is not None
    assert x.grad.tolist() == [3.0, 3.0]


@torch.library.custom_op("steadygraph_tests::doubled", mutates_args=())
def doubled(x: torch.Tensor) -> torch.Tensor:
    return x * 2


def test_an_operator_without_a_fake_implementation_is_named() -> None:
    with pytest.raises(FakeImplementationError) as caught:
        doubled(rows())

    assert str(caught.value) == (
        "the operator steadygraph_tests::doubled has no fake implementation, which tells what its result looks like"
    )
    assert caught.value.hint == 'add one: @torch.library.register_fake("steadygraph_tests::doubled")'


def test_a_move_in_inference_mode_gives_a_tensor_on_the_device() -> None:
    with torch.inference_mode():
        moved = torch.ones(2).to("cuda")

    assert structure.tensor_spec(moved).device == "cuda:0"


def test_cond_on_the_device_runs() -> None:
    x = rows()

    result = torch.cond(x.sum() > 0, lambda x: x * 2, lambda x: x * 3, (x,))

    assert structure.tensor_spec(result).shape == (6, 8)


def test_a_number_that_is_known_is_no_symbol() -> None:
    assert not symbols.is_unknown(3)
    assert not symbols.is_unknown(rows().shape[0])
    assert symbols.is_unknown(mask().sum().item())
