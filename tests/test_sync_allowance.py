"""``with steadygraph.allow_sync("reason"):`` in eager mode, in compiled regions, and in a report."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import nn

import steadygraph
from steadygraph import allow_sync
from steadygraph.errors import UsageError
from steadygraph.observe.syncs.sync_ledger import unneeded_blocks
from steadygraph.observe.syncs.syncs import SyncWatch


class Scale(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        with allow_sync("the scale is read once"):
            y = x * 2
        return y.relu()


class ScaleWithoutBlock(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        y = x * 2
        return y.relu()


class Read(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        with steadygraph.allow_sync("the sum is read once"):
            y = x * x.sum().item()
        return y.relu()


class ReadWithoutBlock(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        y = x * x.sum().item()
        return y.relu()


def compiled(model: nn.Module) -> tuple[list[str], torch.Tensor, list[tuple[str, str]]]:
    """Code of the graphs, what the model gives, and the guards."""
    graphs: list[str] = []
    guards: list[tuple[str, str]] = []

    def backend(module: torch.fx.GraphModule, _inputs: Any) -> Any:
        graphs.append(module.print_readable(print_output=False, include_stride=True).replace("Without", ""))
        return module.forward

    def kept(entries: Any) -> list[bool]:
        guards.extend((entry.guard_type, entry.name) for entry in entries)
        return [True] * len(entries)

    torch.compiler.reset()
    output = torch.compile(model, backend=backend, options={"guard_filter_fn": kept})(torch.ones(3))
    torch.compiler.reset()
    return [_operators(graph) for graph in graphs], output, guards


def _operators(graph: str) -> str:
    """The lines of its code; what is left on the stack at a graph break has a number there."""
    lines = (line.strip() for line in re.sub(r"stack\d+", "stack", graph).splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("#", "class")))


@pytest.mark.parametrize(("model", "plain"), [(Scale(), ScaleWithoutBlock()), (Read(), ReadWithoutBlock())])
def test_dynamo_makes_the_same_graphs_with_the_block_and_without(model: nn.Module, plain: nn.Module) -> None:
    graphs, output, _ = compiled(model)
    expected, same, _ = compiled(plain)

    assert graphs == expected
    assert torch.equal(output, same)


def test_dynamo_guards_nothing_but_what_names_mean() -> None:
    _, _, guards = compiled(Scale())
    _, _, expected = compiled(ScaleWithoutBlock())

    assert {kind for kind, _ in set(guards) - set(expected)} <= {
        "BUILTIN_MATCH",
        "CLASS_MATCH",
        "CLOSURE_MATCH",
        "MODULE_MATCH",
    }


@pytest.mark.parametrize("reason", ["", " \n", None, 3])
def test_an_empty_reason_is_an_error(reason: Any) -> None:
    with pytest.raises(UsageError) as caught:
        allow_sync(reason)

    assert str(caught.value) == (
        f"allow_sync({reason!r}) gives no reason\n  hint: say why the host may wait in this block"
    )


def test_what_syncs_in_the_innermost_block_has_its_reason() -> None:
    x = torch.ones(3)
    watch = SyncWatch()

    with watch.watching():
        x.sum().item()
        with allow_sync("outer"):
            x.tolist()
            with allow_sync("inner"):
                x.tolist()
            torch.nonzero(x)
        x.sum().item()

    assert [(sync.operation.split()[0], sync.count, sync.allowed) for sync in watch.syncs()] == [
        ("reading", 1, None),
        (".tolist()", 1, "outer"),
        (".tolist()", 1, "inner"),
        ("nonzero", 1, "outer"),
        ("reading", 1, None),
    ]
    assert unneeded_blocks([watch.blocks]) == ()


def test_a_block_that_no_call_needs_is_told_with_its_line() -> None:
    x = torch.ones(3)

    def call(read: bool) -> SyncWatch:
        watch = SyncWatch()
        with watch.watching():
            with allow_sync("sometimes"):
                _ = x.tolist() if read else x
            with allow_sync("never"):
                _ = x + 1
        return watch

    said = unneeded_blocks([call(read=False).blocks, call(read=True).blocks])

    line = call.__code__.co_firstlineno + 5
    assert said == (
        f"allow_sync('never') in `call`, line {line}: nothing in it makes the host wait, in no call: take it out",
    )


def test_after_an_analysis_the_block_is_a_null_context_again() -> None:
    with SyncWatch().watching():
        during = allow_sync("x")

    assert type(allow_sync("x")) is not type(during)
    with allow_sync("x") as nothing:
        assert nothing is None


def test_the_name_costs_no_torch_until_it_is_used() -> None:
    code = "import sys, steadygraph; before = 'torch' in sys.modules; steadygraph.allow_sync; "
    code += "sys.exit(before or 'torch' not in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0
