"""Proof: results against eager mode.  What counts as wrong, how far off, and in which words."""

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.masked import masked_tensor

from steadygraph.accelerator import simulated
from steadygraph.policies.proof import Comparison, compare, freeze

INF, NAN = math.inf, math.nan
INFINITELY_WRONG = Comparison(False, math.inf, "output: 1 of 2 elements differ, largest by inf", ("output",))
RIGHT = Comparison(equal=True)
EXACT = Comparison(equal=True, max_abs_error=0.0)


def judged(eager, other):
    return compare(freeze(eager), freeze(other))


def test_an_equal_result_is_right():
    x = torch.randn(3, 4)

    assert judged((x, {"n": 3, "none": None}), (x.clone(), {"n": 3, "none": None})) == EXACT


def test_later_writes_do_not_change_a_frozen_result():
    x, values = torch.zeros(2), [1]
    result = {"x": x, "view": x[:1], "values": values}
    frozen = freeze(result)

    x.fill_(5)
    values.append(2)
    result["more"] = 1

    assert compare(frozen, freeze({"x": torch.zeros(2), "view": torch.zeros(1), "values": [1]})) == EXACT


def test_a_frozen_result_keeps_no_autograd_graph():
    frozen = freeze(nn.Linear(1, 1)(torch.ones(1, 1)))

    assert [leaf.requires_grad for _, leaf in frozen.leaves] == [False]


def test_numbers_beyond_the_tolerance_are_counted_and_measured():
    eager = torch.zeros(8, 8)
    other = eager.clone()
    other.view(-1)[:57] = 0.25
    other[0, 0] = -0.59

    assert judged((eager, 1), (other, 1)) == Comparison(
        equal=False,
        max_abs_error=pytest.approx(0.59),
        detail="output[0]: 57 of 64 elements differ, largest by 0.59",
        places=("output[0]",),
    )


def test_numbers_within_the_tolerance_are_right_and_still_measured():
    # assert_close allows 1.3e-6 relative and 1e-5 absolute for float32.
    found = judged(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0 + 2**-18]))

    assert found == Comparison(equal=True, max_abs_error=2**-18)


@pytest.mark.parametrize(
    ("dtype", "step", "equal"),
    [
        (torch.float32, 2e-5, False),
        (torch.bfloat16, 2**-7, True),
        (torch.bfloat16, 2**-5, False),
        (torch.float16, 2**-10, True),
        (torch.float64, 1e-6, False),
    ],
)
def test_the_tolerance_depends_on_the_dtype(dtype, step, equal):
    assert judged(torch.ones(2, dtype=dtype), torch.ones(2, dtype=dtype) + step).equal is equal


@pytest.mark.parametrize(
    ("eager", "other", "expected"),
    [
        ([INF, NAN, -INF], [INF, NAN, -INF], EXACT),
        ([1.0, NAN], [1.0, 2.0], Comparison(False, INF, "output: 1 of 2 elements differ, largest by inf", ("output",))),
        ([1.0, INF], [1.0, 2.0], Comparison(False, INF, "output: 1 of 2 elements differ, largest by inf", ("output",))),
        (
            [INF, 1.0],
            [-INF, 1.0],
            Comparison(False, INF, "output: 1 of 2 elements differ, largest by inf", ("output",)),
        ),
    ],
)
def test_nan_equals_nan_and_infinity_is_infinitely_far_off(eager, other, expected):
    assert judged(torch.tensor(eager), torch.tensor(other)) == expected


@pytest.mark.parametrize(
    ("eager", "other", "detail"),
    [
        (torch.ones(2), torch.ones(2).double(), "output.dtype: torch.float32 in eager mode, torch.float64 here"),
        (torch.ones(2), torch.ones(1), "output.shape[0]: 2 in eager mode, 1 here"),
        (torch.ones(2), torch.ones(2, 1), "output.ndim: 1 in eager mode, 2 here"),
        (torch.ones(2), torch.ones(2, device="meta"), "output.device: cpu in eager mode, meta here"),
        (torch.eye(2), torch.eye(2).to_sparse(), "output.layout: torch.strided in eager mode, torch.sparse_coo here"),
        ([torch.ones(2)], (torch.ones(2),), "output: list with 1 tensor in eager mode, tuple with 1 tensor here"),
        (None, torch.ones(2), "output: None in eager mode, torch.float32[2] on cpu here"),
        ({"a": 1}, {"b": 1}, "output: 1 key, with 'a', without 'b' in eager mode, 1 key, with 'b', without 'a' here"),
        ([1], [1, 2], "output: 1 item in eager mode, 2 items here"),
        ({"n": 3}, {"n": 4}, "output['n']: 3 in eager mode, 4 here"),
        (["a"], ["b"], "output[0]: 'a' in eager mode, 'b' here"),
        (1, True, "output: int 1 in eager mode, bool True here"),
        (SimpleNamespace(n=1), SimpleNamespace(n=2), "output.n: 1 in eager mode, 2 here"),
        (torch.tensor([1, 2]), torch.tensor([1, 3]), "output: 1 of 2 elements differ"),
        (torch.tensor(True), torch.tensor(False), "output: the value differs"),
        (torch.tensor(1.0), torch.tensor(1.5), "output: the value differs, by 0.5"),
        (1.0, 1.5, "output: 1.0 in eager mode, 1.5 here"),
        (np.ones(2), np.zeros(2), "output: 2 of 2 elements differ, largest by 1"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(eager, other, detail):
    found = judged(eager, other)

    assert not found.equal
    assert found.detail == detail


@pytest.mark.parametrize(
    ("eager", "other"),
    [
        (torch.ones(2, 3), torch.ones(3, 2).t()),  # strides
        (torch.ones(2), torch.ones(2, requires_grad=True)),
        (torch.ones(2), nn.Parameter(torch.ones(2))),
        (NAN, NAN),
        (0.1 + 0.2, 0.3),
        (-0.0, 0.0),
        ("a", "a"),
        (None, None),
        (print, print),
        (slice(torch.ones(1), 2), slice(torch.ones(1), 2)),
        (np.array(["a"]), np.array(["a"])),
        (torch.float32, torch.float32),
        ((), ()),
        (OrderedDict(a=torch.ones(1)), OrderedDict(a=torch.ones(1))),
    ],
)
def test_what_makes_no_result_wrong(eager, other):
    found = judged(eager, other)

    assert found.equal
    assert found.detail is None


def nested(scale, layout):
    return torch.nested.nested_tensor([torch.ones(2, 3) * scale, torch.ones(4, 3)], layout=layout)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda scale: (torch.eye(3) * scale).to_sparse(), 1.0),
        (lambda scale: (torch.eye(3) * scale).to_sparse_csr(), 1.0),
        (lambda scale: (torch.ones(3) * scale).to_mkldnn(), 1.0),
        (lambda scale: torch.quantize_per_tensor(torch.ones(2) * scale, 0.1, 0, torch.qint8), 1.0),
        (lambda scale: nested(scale, torch.strided), 1.0),
        (lambda scale: nested(scale, torch.jagged), 1.0),
        (
            lambda scale: (
                torch.ones(2).to(torch.float8_e4m3fn) if scale == 1 else torch.full((2,), 2.0).to(torch.float8_e4m3fn)
            ),
            1.0,
        ),
        (lambda scale: torch.full((2,), scale * 1j, dtype=torch.complex64), 1.0),
        (lambda scale: torch.full((2,), scale * 1j, dtype=torch.complex32), 1.0),
        (lambda scale: torch.full((2,), int(scale), dtype=torch.uint16), None),
        (lambda scale: torch.tensor([True, scale == 1]), None),
    ],
)
def test_every_kind_of_tensor_is_compared_by_its_numbers(make, error):
    assert judged(make(1.0), make(1.0)).equal
    assert not judged(make(1.0), make(2.0)).equal
    assert judged(make(1.0), make(2.0)).max_abs_error == error


@pytest.mark.parametrize("tensor", [torch.ones(0, 3), torch.ones(0, dtype=torch.int64), torch.ones(2, device="meta")])
def test_tensors_without_numbers_are_right(tensor):
    assert judged(tensor, tensor).equal


def test_parts_of_other_sizes_in_a_nested_tensor_are_wrong():
    a, b = (torch.nested.nested_tensor([torch.ones(n, 1), torch.ones(4 - n, 1)], layout=torch.jagged) for n in (1, 3))

    assert judged(a, b).detail == ("output: parts of sizes [(1, 1), (3, 1)] in eager mode, [(3, 1), (1, 1)] here")


def test_fake_tensors_are_compared_by_their_look():
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        a, b, c = torch.ones(2), torch.zeros(2), torch.zeros(3)
        assert judged(a, b) == RIGHT
        assert judged(a, c).detail == "output.shape[0]: 2 in eager mode, 3 here"


def test_a_size_or_number_that_nobody_knows_is_no_mismatch():
    with simulated():
        mask = torch.ones(6, device="cuda") > 0
        known = {"rows": torch.ones(4, 2, device="cuda"), "n": 4}
        unknown = {"rows": torch.ones(6, 2, device="cuda")[mask], "n": mask.sum().item()}
        other = {"rows": torch.ones(6, 3, device="cuda")[mask], "n": 4}

        assert judged(known, unknown).equal
        assert judged(unknown, known).equal
        assert freeze(unknown["n"]).lacks_values
        assert judged(unknown, other).detail == "output['rows'].shape[1]: 2 in eager mode, 3 here"


def test_the_modes_around_the_caller_do_not_matter():
    from torch._subclasses.fake_tensor import FakeTensorMode

    x, y = torch.ones(2), torch.zeros(2)

    with FakeTensorMode(), torch.device("meta"), torch.inference_mode():
        found = judged(x, y)

    assert found == Comparison(False, 1.0, "output: 2 of 2 elements differ, largest by 1", ("output",))


def test_the_error_is_taken_over_all_floating_leaves():
    found = judged([torch.zeros(2), torch.zeros(2), 7], [torch.full((2,), 0.5), torch.full((2,), 2.0), 7])

    assert found.max_abs_error == 2.0
    assert found.detail == "output[0]: 2 of 2 elements differ, largest by 0.5"


def test_a_result_of_many_tensors_is_compared_to_the_last():
    many = [torch.zeros(1) for _ in range(3_000)]

    assert judged(many, [*many[:-1], torch.ones(1)]).detail == "output[2999]: the value differs, by 1"


floats = st.lists(st.floats(width=32), min_size=1, max_size=4)


@given(floats, st.data())
def test_the_largest_error_is_what_python_computes(a, data):
    b = data.draw(st.lists(st.floats(width=32), min_size=len(a), max_size=len(a)))

    def distance(x, y):
        if x == y or (math.isnan(x) and math.isnan(y)):
            return 0.0
        return INF if math.isnan(x - y) else abs(x - y)

    found = judged(torch.tensor(a, dtype=torch.float32), torch.tensor(b, dtype=torch.float32))

    assert found.max_abs_error == max(map(distance, a, b))
    assert found.equal is (found.detail is None)


@given(floats)
def test_a_result_equals_itself(numbers):
    assert judged(torch.tensor(numbers), torch.tensor(numbers)) == EXACT


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: (number for number in range(3)), "generator"),
        (lambda: iter([torch.ones(2)]), "list_iterator"),
        (lambda: map(str, [1, 2]), "map"),
        (lambda: itertools.count(), "itertools.count"),
    ],
)
def test_what_can_be_read_one_time_only_is_neither_read_nor_called_the_same(
    make: Callable[[], Iterator[object]], kind: str
) -> None:
    output = make()

    compared = compare(freeze([1, output]), freeze([1, make()]))

    assert (compared.equal, compared.detail) == (True, None)
    assert compared.unproved == (
        f"output[1] is a {kind}, which can be read one time only: "
        "return a list of what it gives, or let observe() do so"
    )
    assert next(output) is not None


def test_one_kind_of_iterator_is_as_good_as_another() -> None:
    eager, compiled = (number for number in range(3)), iter((0, 1, 2))

    assert compare(freeze(eager), freeze(compiled)).equal


def test_an_iterator_in_place_of_a_list_is_wrong() -> None:
    compared = compare(freeze([1, 2]), freeze(iter([1, 2])))

    assert compared.detail == "output: list with 2 items in eager mode, list_iterator object here"


def test_what_is_wrong_beside_an_iterator_is_told() -> None:
    compared = compare(freeze((iter([]), torch.ones(2))), freeze((iter([]), torch.zeros(2))))

    assert compared.detail == "output[1]: 2 of 2 elements differ, largest by 1"


def test_a_tensor_that_cannot_be_copied_is_not_called_the_same() -> None:
    class Sealed(torch.Tensor):
        def detach(self):
            raise RuntimeError("sealed")

    compared = compare(freeze(torch.ones(2).as_subclass(Sealed)), freeze(torch.ones(2).as_subclass(Sealed)))

    assert compared.equal
    assert compared.unproved == ("output is a Sealed that torch cannot copy: let observe() return what counts of it")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tensors_that_cannot_be_compared_are_not_called_the_same() -> None:
    one, other = (masked_tensor(torch.ones(2), torch.tensor([True, False])) for _ in range(2))

    compared = compare(freeze(one), freeze(other))

    assert compared.unproved == (
        "output is a MaskedTensor that torch cannot compare: let observe() return what counts of it"
    )
