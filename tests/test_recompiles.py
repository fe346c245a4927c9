"""``steadygraph.no_recompiles``."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from steadygraph import UsageError, no_recompiles


class Scaled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.scale = 2

    def forward(self, x: Tensor, bias: Tensor | None = None) -> Tensor:
        if bias is not None:
            x = x + bias
        return x * self.scale


@pytest.fixture
def model() -> nn.Module:
    torch.compiler.reset()
    model = Scaled()
    model.compile(backend="eager")
    model(torch.ones(3))
    return model


def told(model: nn.Module, *args: Tensor, **kwargs: Tensor) -> list[str]:
    with pytest.raises(AssertionError) as caught, no_recompiles():
        model(*args, **kwargs)
    return str(caught.value).splitlines()


def test_what_runs_as_before_is_silent(model: nn.Module, capfd: pytest.CaptureFixture[str]) -> None:
    with no_recompiles():
        model(torch.zeros(3))
        torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2))

    assert capfd.readouterr() == ("", "")


def test_it_tells_path_before_now_and_line(model: nn.Module) -> None:
    lines = told(model, torch.ones(3), bias=torch.ones(3))

    (number,) = (
        n
        for n, text in enumerate(Path(__file__).read_text().splitlines(), 1)
        if text.startswith("        if bias is not None")
    )
    assert lines[0] == "1 recompilation:"
    assert lines[1].startswith("Scaled.forward (") or lines[1].startswith("forward (")
    assert lines[2] == "  bias is None before, torch.float32[3] on cpu now"
    assert lines[3].endswith(f"test_recompiles.py:{number}: if bias is not None:")


def test_an_attribute_and_a_shape_are_told_by_their_paths(model: nn.Module) -> None:
    model.scale = 3
    attribute = told(model, torch.ones(3))
    shape = told(model, torch.ones(4))

    assert "  self.scale is 2 before, 3 now" in attribute
    assert [line for line in shape if "x" in line.split("is")[0]] != []


def test_so_many_recompilations_may_be_accepted(model: nn.Module) -> None:
    with no_recompiles(max=1):
        model(torch.ones(3), bias=torch.ones(3))


def test_an_error_in_the_block_stays_what_it_is(model: nn.Module) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument"), no_recompiles():
        model(torch.ones(3), basi=torch.ones(3))


def test_blocks_may_stand_in_one_another(model: nn.Module) -> None:
    with no_recompiles(max=1), pytest.raises(AssertionError), no_recompiles():
        model(torch.ones(3), bias=torch.ones(3))
    with no_recompiles():
        model(torch.ones(3))


def test_a_function_may_be_held_to_it(model: nn.Module) -> None:
    @no_recompiles()
    def served(bias: Tensor | None = None) -> Tensor:
        """Serves."""
        result: Tensor = model(torch.ones(3), bias=bias)
        return result

    assert (served.__doc__, served().tolist()) == ("Serves.", [2.0, 2.0, 2.0])
    with pytest.raises(AssertionError, match=r"^1 recompilation:\n"):
        served(torch.ones(3))


def test_a_failing_test_shows_its_own_lines_and_none_of_ours(model: nn.Module) -> None:
    @no_recompiles()
    def decorated() -> None:
        model(torch.ones(4))

    def block() -> None:
        with no_recompiles():
            model(torch.ones(3), bias=torch.ones(3))

    for failing in (decorated, block):
        with pytest.raises(AssertionError) as caught:
            failing()
        assert {str(entry.path) for entry in caught.traceback.filter(caught)} == {__file__}


@pytest.mark.parametrize("value", [-1, True, 1.5, "1"])
def test_a_number_that_means_nothing_is_wrong_use(value: object) -> None:
    with pytest.raises(UsageError) as caught, no_recompiles(max=value):  # type: ignore[arg-type]
        pass

    assert str(caught.value) == f"max is {value!r}\n  hint: write how many recompilations are accepted, 0 or more"
