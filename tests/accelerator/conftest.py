"""A machine without a device, whatever the tests run on."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _without_a_device() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a real device here")
