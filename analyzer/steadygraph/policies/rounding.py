"""How much of a difference is rounding.

Inductor fuses operators and keeps intermediate values wider than eager mode does.  In bfloat16 a right result is a
percent off, in float32 its last digits are, and how many depends on the model, not on the dtype of its output (logits
are often cast to float32).  So rounding is measured: in the profile call no guard is violated, and what a back end
makes of it differs from eager mode by rounding alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch

#: Beyond that a profile call is not rounded, it is wrong; the second where no number has fewer than 32 bits: matrix
#: products may be computed with TF32, which keeps 11 of them.
LARGEST_NOISE, LARGEST_NOISE_OF_FLOAT32 = 0.05, 0.001
#: How much more than in the profile call the mean error, and a single one, may be: other numbers round otherwise.
_MEAN, _SINGLE = 4, 64

Noise = Mapping[str, float]


def relative_errors(expected: torch.Tensor, actual: torch.Tensor) -> tuple[float, float]:
    """Root mean square and maximum of the error, both in units of the root mean square of ``expected``.

    Both tensors are real and have one shape; NaN, and an infinity, equals itself.  (0, 0) without elements.
    """
    if expected.numel() == 0:
        return 0.0, 0.0
    a, b = expected.double(), actual.double()
    same = (a == b) | (a.isnan() & b.isnan())
    error = torch.where(same, 0.0, (a - b).abs())
    scale = float(a[a.isfinite()].square().mean().sqrt())
    worst = float(error.max())
    if worst == 0:
        return 0.0, 0.0
    if not scale > 0 or not math.isfinite(worst):
        return math.inf, math.inf
    return float(error.square().mean().sqrt()) / scale, worst / scale


def largest_noise(dtypes: Iterable[torch.dtype]) -> float:
    """The most that rounding makes of a profile call, by the dtypes of all that is computed in it."""
    is_narrow = any(dtype.itemsize < torch.float32.itemsize and dtype is not torch.bool for dtype in dtypes)
    is_product_narrow = torch.get_float32_matmul_precision() == "medium"
    return LARGEST_NOISE if is_narrow or is_product_narrow else LARGEST_NOISE_OF_FLOAT32


def explains(noise: float, expected: torch.Tensor, actual: torch.Tensor) -> bool:
    """Is the error no more than the noise of the profile call lets expect?"""
    if noise == 0:
        return False
    mean, worst = relative_errors(expected, actual)
    return mean <= _MEAN * noise and worst <= _SINGLE * noise
