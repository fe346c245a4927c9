"""Ordinary tests beside the cases: the marker, the fixture, and code that must not be compiled again."""

import pytest
import torch

import steadygraph as sg
from decoder import Decoder


@pytest.mark.graph_stable("cases/case_steady.py", policy=["drop", "shapes-only"])
def test_images_arrive_without_guards():
    decoder = Decoder()

    assert not torch.equal(decoder(torch.ones(2, 4)), decoder(torch.ones(2, 4), torch.ones(2, 4)))


def test_the_known_defect_is_the_only_one(steadygraph):
    steadygraph.assert_stable("cases/case_known.py", allow=["none-at-profile"])


def test_steps_do_not_compile_again():
    decoder = torch.compile(Decoder(), backend="eager")
    decoder(torch.ones(2, 4), torch.zeros(2, 4))

    with sg.no_recompiles():
        for _ in range(3):
            decoder(torch.rand(2, 4), torch.rand(2, 4))
