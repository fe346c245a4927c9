"""Operands on different devices: which, and where the odd one was made."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from steadygraph.accelerator.dispatch import mismatch_of
from steadygraph.accelerator.simulation import simulated
from steadygraph.model import DeviceMismatch


def mismatch(run: Callable[[], object]) -> DeviceMismatch:
    with pytest.raises(RuntimeError) as caught:
        run()
    found = mismatch_of(caught.value)
    assert found is not None
    return found


def test_the_operands_are_named_with_their_devices() -> None:
    with simulated():
        embedding = nn.Embedding(4, 2, device="cuda")

        found = mismatch(lambda: embedding(torch.tensor([1, 2])))

    assert (found.operation, found.operands, found.odd) == (
        "aten.embedding",
        (("weight", "cuda:0"), ("indices", "cpu")),
        "indices",
    )


MAKERS = {
    "list": lambda: torch.tensor([1.0, 2.0]),  # made
    "factory": lambda: torch.arange(2),  # made
    "numpy": lambda: torch.from_numpy(np.ones(2)) * 2,  # made
    "parameter": lambda: nn.Parameter(torch.ones(2)),  # made
    "view": lambda: torch.zeros(1, 2)[0],  # made
    "meta": lambda: torch.ones(2, device="meta"),  # made
    "copied back": lambda: torch.ones(2, device="cuda").cpu(),  # made
    "second device": lambda: torch.ones(2, device="cuda:1"),  # made
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_the_line_that_made_the_odd_one_is_known(make: Callable[[], torch.Tensor]) -> None:
    with simulated("cuda:1"):
        odd = make()
        derived = odd * 2 + 1
        on_device = torch.ones(2, device="cuda")

        found = [mismatch(lambda tensor=tensor: on_device + tensor) for tensor in (odd, derived)]

    assert [(one.created.path, one.created.line) for one in found if one.created] == [
        (__file__, make.__code__.co_firstlineno)
    ] * 2
    assert {one.location.text for one in found if one.location} == {
        "found = [mismatch(lambda tensor=tensor: on_device + tensor) for tensor in (odd, derived)]"
    }


def test_an_error_that_was_raised_because_of_it_still_knows() -> None:
    def wrapped() -> None:
        try:
            torch.ones(2, device="cuda") + torch.ones(2)
        except RuntimeError as error:
            raise RuntimeError("the step failed") from error

    with simulated():
        found = mismatch(wrapped)

    assert found.operands == (("self", "cuda:0"), ("other", "cpu"))


def test_a_kernel_that_checks_by_itself_is_understood() -> None:
    with simulated():
        cache, rows, at = torch.zeros(4, 2), torch.ones(1, 2, device="cuda"), torch.zeros(1, device="cuda").long()

        found = mismatch(lambda: cache.index_copy_(0, at, rows))

    assert found.operands == (("self", "cpu"), ("index", "cuda:0"), ("source", "cuda:0"))


@pytest.mark.parametrize(
    "run",
    [
        lambda x: x * torch.tensor(2.0),
        lambda x: x[torch.tensor([0, 1])],
        lambda x: x[torch.tensor([True, False])],
        lambda x: x.copy_(torch.ones(2)),
        lambda x: torch.ones(2).copy_(x),
        lambda x: torch.ones(2).to(x) + x,
        lambda x: x.new_zeros(2) + x,
    ],
)
def test_what_a_real_device_allows_is_allowed(run: Callable[[torch.Tensor], torch.Tensor]) -> None:
    with simulated():
        run(torch.ones(2, device="cuda"))


def test_memory_that_is_given_out_again_was_made_by_who_got_it_last() -> None:
    with simulated():
        earlier = [torch.ones(1000) for _ in range(100)]
        freed = {tensor.data_ptr() for tensor in earlier}
        del earlier
        later = [torch.tensor([1.0] * 1000) for _ in range(100)]
        odd = next(tensor for tensor in later if tensor.data_ptr() in freed)

        found = mismatch(lambda: torch.ones(1000, device="cuda") + odd)

    assert found.created is not None
    assert found.created.text == "later = [torch.tensor([1.0] * 1000) for _ in range(100)]"
