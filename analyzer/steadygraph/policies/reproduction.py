"""A program that shows what a back end computes wrongly, for a report to those who can mend it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from steadygraph import torch_private

#: Elements of a memory that are written out; of a larger one, numbers are drawn.
_MOST_ELEMENTS = 4096
_PROGRAM = '''"""torch {version}: the back end {backend!r} computes something else than eager mode."""

{imports}

{graph}

def inputs():
{inputs}


given, given_again = inputs(), inputs()
with torch.set_grad_enabled({grad}):
    expected = Graph()(*given)
    actual = torch.compile(Graph(), backend={backend!r})(*given_again)
torch.testing.assert_close(actual, expected, equal_nan=True, msg=lambda text: f"what it returns: {{text}}")
torch.testing.assert_close(given_again, given, equal_nan=True, msg=lambda text: f"what it leaves behind: {{text}}")
'''


def copied(args: Sequence[Any]) -> list[Any]:
    """The arguments of a graph once more, with memory of their own that they share as the originals do."""
    memories: dict[int, Any] = {}
    return [_copied(value, memories) if torch_private.is_tensor(value) else value for value in args]


def _copied(tensor: torch.Tensor, memories: dict[int, Any]) -> torch.Tensor:
    if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or tensor.layout is not torch.strided:
        return tensor.detach().clone().requires_grad_(tensor.requires_grad)
    place = torch_private.storage_id(tensor)
    if place not in memories:
        memories[place] = tensor.untyped_storage().clone()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        made = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
        made.set_(memories[place], tensor.storage_offset(), tensor.shape, tensor.stride())
    return made.requires_grad_(tensor.requires_grad)


def program(module: torch.fx.GraphModule, args: Sequence[Any], backend: str, *, grad: bool) -> str | None:
    """A program that fails where the back end is wrong about this graph; None where no text can hold the graph.

    Args:
        module: The graph.
        args: What it was called with, as it was before the call.
        backend: Name of the back end, as ``torch.compile`` takes it.
        grad: Was grad mode on?
    """
    written = torch_private.as_program(module)
    if written is None or not all(map(_is_writable, args)):
        return None
    graph, imports = written
    return _PROGRAM.format(
        version=torch.__version__,
        backend=backend,
        imports="\n".join(dict.fromkeys(["import torch", *imports])),
        graph=graph,
        inputs="\n".join(f"    {line}" for line in _inputs(args)),
        grad=grad,
    )


def _is_writable(value: Any) -> bool:
    if not torch_private.is_tensor(value):
        return type(value) in (int, float, bool, type(None))
    plain = type(value) in (torch.Tensor, torch.nn.Parameter) and value.layout is torch.strided
    return plain and not (value.is_quantized or value.is_meta or torch_private.is_fake(value))


def _inputs(args: Sequence[Any]) -> Iterator[str]:
    names: dict[tuple[int, torch.dtype], str] = {}
    views: list[str] = []
    for value in args:
        if not torch_private.is_tensor(value):
            views.append(repr(value))
            continue
        place = torch_private.storage_id(value), value.dtype
        if place not in names:
            names[place] = f"memory{len(names)}"
            yield f"{names[place]} = {_memory(value)}"
        view = f"{names[place]}.as_strided({tuple(value.shape)}, {value.stride()}, {value.storage_offset()})"
        views.append(f"{view}.detach().requires_grad_()" if value.requires_grad else view)
    yield "return ("
    yield from (f"    {view}," for view in views)
    yield ")"


def _memory(tensor: torch.Tensor) -> str:
    """The whole memory of a tensor, as elements of its dtype."""
    size = tensor.untyped_storage().nbytes() // tensor.itemsize
    settings = f"dtype={tensor.dtype}, device={str(tensor.device)!r}"
    if size <= _MOST_ELEMENTS:
        with torch.no_grad():
            flat = torch.empty(0, dtype=tensor.dtype, device=tensor.device)
            values = flat.set_(tensor.untyped_storage(), 0, (size,), (1,)).tolist()
        return f"torch.tensor([{', '.join(map(_number, values))}], {settings})"
    drawn = f"torch.randn({size}, generator=torch.Generator().manual_seed(0))"
    return f"{drawn}.to({settings})" if tensor.is_floating_point() else f"({drawn} * 8).to({settings})"


def _number(value: Any) -> str:
    return repr(value) if not isinstance(value, float) or math.isfinite(value) else f'float("{value}")'
