"""Rounding is what the profile call shows of it; the oracle is bfloat16's own 8 bits, and errors made by hand."""

import pytest
import torch

from steadygraph.policies import proof
from steadygraph.policies.rounding import LARGEST_NOISE, LARGEST_NOISE_OF_FLOAT32, largest_noise, relative_errors


def exact(rows):
    return torch.randn(rows, 64, generator=torch.Generator().manual_seed(rows))


def rounded(rows, keep=torch.bfloat16):
    """What a back end makes of it that computes with 8 bits."""
    return exact(rows).to(keep).float() * 1.001


def judged(actual, rows=200):
    noise = proof.noise(proof.freeze(exact(50)), proof.freeze(rounded(50)))
    return proof.compare(proof.freeze(exact(rows)), proof.freeze(actual), noise=noise)


def test_the_errors_are_relative_to_the_whole_tensor():
    # errors 0, 3, 4 and 0; root mean square 2.5, that of (5, 5, 5, 5) is 5
    expected, actual = torch.tensor([5.0, 5.0, 5.0, 5.0]), torch.tensor([5.0, 8.0, 1.0, 5.0])

    assert relative_errors(expected, actual) == pytest.approx((0.5, 0.8))


def test_rounding_as_in_the_profile_call_is_no_error():
    assert not proof.compare(proof.freeze(exact(200)), proof.freeze(rounded(200))).equal

    assert judged(rounded(200)).equal


@pytest.mark.parametrize(
    "spoil",
    [
        lambda x: x * 1.05,
        lambda x: torch.cat([x[:199], x[:1]]),
        lambda x: torch.where(torch.arange(64) == 7, x + 0.5, x),
        lambda x: torch.zeros_like(x),
        lambda x: torch.where(torch.arange(64) == 7, torch.nan, x),
    ],
    ids=["another scale", "one wrong row of 200", "an offset in one column", "nothing", "nan"],
)
def test_an_error_that_rounding_does_not_explain_is_one(spoil):
    assert not judged(spoil(rounded(200))).equal


def test_a_profile_call_that_is_wrong_excuses_nothing():
    noise = proof.noise(proof.freeze(exact(50)), proof.freeze(exact(50) * (1 + 2 * LARGEST_NOISE)))

    assert not proof.compare(proof.freeze(exact(200)), proof.freeze(rounded(200)), noise=noise).equal


@pytest.mark.parametrize(
    ("dtypes", "largest"),
    [
        ({torch.float32, torch.int64, torch.bool}, LARGEST_NOISE_OF_FLOAT32),
        ({torch.float32, torch.bfloat16}, LARGEST_NOISE),
        ({torch.float16}, LARGEST_NOISE),
        ({torch.float32, torch.int8}, LARGEST_NOISE),
        (set(), LARGEST_NOISE_OF_FLOAT32),
    ],
)
def test_only_numbers_of_few_bits_are_rounded_by_percents(dtypes, largest):
    assert largest_noise(dtypes) == largest


def test_products_of_matrices_may_have_few_bits_as_well():
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        assert largest_noise({torch.float32}) == LARGEST_NOISE
    finally:
        torch.set_float32_matmul_precision(before)


def test_noise_is_kept_apart_by_the_place_in_the_result():
    eager, other = {"hidden": exact(50), "sum": exact(10)}, {"hidden": rounded(50), "sum": exact(10)}
    noise = proof.noise(proof.freeze(eager), proof.freeze(other))

    later = {"hidden": exact(50), "sum": rounded(10)}
    found = proof.compare(proof.freeze(eager), proof.freeze(later), noise=noise)

    assert found.detail is not None
    assert found.detail.startswith("output['sum']: ")


def test_tensors_without_a_number_that_is_finite_have_no_scale():
    nan = torch.full((3,), torch.nan)

    assert relative_errors(nan, nan) == (0.0, 0.0)
    assert relative_errors(nan, torch.ones(3)) == (torch.inf, torch.inf)
    assert relative_errors(torch.zeros(3), torch.ones(3)) == (torch.inf, torch.inf)
