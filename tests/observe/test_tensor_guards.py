"""Tensor guards: the text that torch 2.13 writes, held against real tensors."""

import pytest
import torch

from steadygraph.model import Aspect
from steadygraph.observe.guards.tensor_guards import mismatches
from steadygraph.torch_private.wording import expected_tensor

#: Recorded from torch 2.13.0: a guard on torch.randn(4, 8) with dimension 0 marked dynamic.
RECORDED = (
    "check_tensor(L['x'], Tensor, DispatchKeySet(CPU, BackendSelect, ADInplaceOrView, AutogradCPU), torch.float32, "
    "device=None, requires_grad=False, size=[None, 8], stride=[8, 1])  # y = x + 1  # model.py:3 in forward"
)


def aspects(tensor):
    return [(m.aspect, m.expected, m.actual, m.dim) for m in mismatches(expected_tensor(RECORDED), tensor)]


def test_a_recorded_guard_is_parsed_field_by_field():
    expected = expected_tensor(RECORDED)

    assert expected.dtype == "torch.float32"
    assert expected.size == (None, 8)
    assert expected.stride == (8, 1)
    assert expected.device == "cpu"
    assert not expected.requires_grad
    assert str(expected) == "torch.float32[*, 8] on cpu"


def test_a_text_that_is_no_tensor_guard_gives_nothing():
    assert expected_tensor("L['x'] is None") is None


def test_a_dynamic_dimension_may_have_any_size():
    assert aspects(torch.zeros(17, 8)) == []


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (torch.zeros(4, 9), [(Aspect.SHAPE, "8", "9", 1), (Aspect.STRIDE, "8", "9", 0)]),
        (torch.zeros(8, 4).t(), [(Aspect.STRIDE, "8", "1", 0), (Aspect.STRIDE, "1", "4", 1)]),
        (torch.zeros(4, 8, dtype=torch.float64), [(Aspect.DTYPE, "torch.float32", "torch.float64", None)]),
        (torch.zeros(4, 8, requires_grad=True), [(Aspect.REQUIRES_GRAD, "False", "True", None)]),
        (torch.zeros(8), [(Aspect.RANK, "2", "1", None)]),
        (torch.zeros(4, 8, device="meta"), [(Aspect.DEVICE, "cpu", "meta", None)]),
    ],
    ids=["size", "stride", "dtype", "requires_grad", "rank", "device"],
)
def test_each_property_that_is_off_is_named_with_both_values(tensor, expected):
    assert aspects(tensor) == expected


def test_several_properties_are_all_named():
    tensor = torch.zeros(4, 9, dtype=torch.float64)

    assert [m[0] for m in aspects(tensor)] == [Aspect.DTYPE, Aspect.SHAPE, Aspect.STRIDE]


def test_an_inference_tensor_is_put_down_to_the_mode():
    with torch.inference_mode():
        tensor = torch.zeros(4, 8)

    assert aspects(tensor) == [(Aspect.AMBIENT, "False", "True", None)]
