"""What is done to a call.  A written case file holds these functions as they are: they need torch alone."""

from __future__ import annotations

import ast
import contextlib
import copy
import enum
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch


def changed(root: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """``root`` with ``change`` of what is at the path; what leads there is copied, not written to."""
    if not path:
        return change(root)
    part = changed((entry if len(path) > 1 else present)(root, path[0]), path[1:], change)
    if isinstance(root, tuple):
        if path[0].startswith("."):
            return root._replace(**{path[0][1:]: part})  # type: ignore[attr-defined]
        items = list(root)
        items[ast.literal_eval(path[0][1:-1])] = part
        return type(root)(*items) if hasattr(root, "_fields") else type(root)(items)
    found = copy.copy(root)
    put(found, path[0], part)
    return found


def entry(root: Any, step: str) -> Any:
    """What is at one step of a path: ``.name`` or ``['key']``."""
    return getattr(root, step[1:]) if step.startswith(".") else root[ast.literal_eval(step[1:-1])]


def present(root: Any, step: str) -> Any:
    """The same; None where nothing is."""
    try:
        return entry(root, step)
    except (AttributeError, KeyError):
        return None


def put(root: Any, step: str, value: Any) -> None:
    """Write it there."""
    if not step.startswith("."):
        root[ast.literal_eval(step[1:-1])] = value
        return
    try:
        setattr(root, step[1:], value)
    except AttributeError:  # a frozen dataclass
        object.__setattr__(root, step[1:], value)


def at(root: Any, path: Sequence[str]) -> Any:
    """What is at a path."""
    for step in path:
        root = entry(root, step)
    return root


def constant(_value: Any, new: Any) -> Any:
    return new


def member(value: enum.Enum, name: str) -> Any:
    return type(value)[name]


def without_key(value: Any, key: Any) -> Any:
    found = copy.copy(value)
    del found[key]
    return found


def with_key(value: Any, key: Any) -> Any:
    found = copy.copy(value)
    found[key] = copy.copy(next(iter(value.values())))
    return found


def keys_reversed(value: Any) -> Any:
    items = list(value.items())[::-1]
    found = copy.copy(value)
    found.clear()
    found.update(items)
    return found


def shortened(value: Any) -> Any:
    return value[:-1]


def emptied(value: Any) -> Any:
    return value[:0]


def lengthened(value: Any) -> Any:
    return value + value[-1:]


def as_list(value: Any) -> Any:
    return list(value)


def as_tuple(value: Any) -> Any:
    return tuple(value)


def as_tensor(value: Any) -> Any:
    return torch.tensor(value)


def resized(tensor: torch.Tensor, dim: int, size: int) -> torch.Tensor:
    """With another size: rows are left out, or come once more from the start.  Its order in memory stays."""
    old = tensor.shape[dim]
    if old == size:
        return tensor
    order = sorted(range(tensor.dim()), key=lambda one: tensor.stride(one), reverse=True)
    moved = tensor.detach().permute(order)
    place = order.index(dim)
    if old == 0:
        found = moved.new_zeros([*moved.shape[:place], size, *moved.shape[place + 1 :]])
    else:
        found = moved.index_select(place, torch.arange(size, device=tensor.device) % old)
    back = found.permute([order.index(one) for one in range(tensor.dim())])
    return back.requires_grad_(tensor.requires_grad)


def without_first_dim(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach()[0].clone().requires_grad_(tensor.requires_grad)


def with_first_dim(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach()[None].clone().requires_grad_(tensor.requires_grad)


def cast(tensor: torch.Tensor, dtype: str) -> torch.Tensor:
    return tensor.detach().to(getattr(torch, dtype)).requires_grad_(tensor.requires_grad and "float" in dtype)


def transposed(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers with the last two dimensions the other way round in memory."""
    return tensor.detach().transpose(-1, -2).contiguous().transpose(-1, -2).requires_grad_(tensor.requires_grad)


def sliced(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers as a part of a larger tensor, which does not begin where that begins."""
    larger = torch.cat([tensor.detach()[..., :1], tensor.detach(), tensor.detach()[..., :1]], dim=-1)
    return larger[..., 1:-1].requires_grad_(tensor.requires_grad)


def expanded(tensor: torch.Tensor) -> torch.Tensor:
    """All rows are the first one, in the same memory."""
    return tensor.detach()[:1].expand(tensor.shape).requires_grad_(tensor.requires_grad)


def channels_last(tensor: torch.Tensor) -> torch.Tensor:
    kept = tensor.detach().contiguous(memory_format=torch.channels_last)
    return kept.requires_grad_(tensor.requires_grad)


def with_grad(tensor: torch.Tensor, wanted: bool) -> torch.Tensor:
    return tensor.detach().clone().requires_grad_(wanted)


def as_parameter(tensor: torch.Tensor) -> torch.Tensor:
    return torch.nn.Parameter(tensor.detach().clone(), requires_grad=tensor.requires_grad)


def zeros(tensor: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(tensor.detach()).requires_grad_(tensor.requires_grad)


def flipped(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers in the other order."""
    return tensor.detach().flip(list(range(tensor.dim()))).requires_grad_(tensor.requires_grad)


def copied(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().clone().requires_grad_(tensor.requires_grad)


def built(_value: Any, recipe: Any) -> Any:
    """What a recipe says: a tensor, a container or an object made of others."""
    kind, *rest = recipe
    if kind == "tensor":
        return made(*rest)
    if kind == "dict":
        return {key: built(None, part) for key, part in rest[0]}
    if kind in ("list", "tuple"):
        parts = [built(None, part) for part in rest[0]]
        return parts if kind == "list" else tuple(parts)
    if kind == "object":
        module, name, parts = rest
        cls: Any = importlib.import_module(module)
        for one in name.split("."):
            cls = getattr(cls, one)
        return cls(**{key: built(None, part) for key, part in parts})
    return rest[0]


def made(dtype: str, shape: Sequence[int], device: str) -> torch.Tensor:
    """Numbers that are not all the same: floats from 0.5 to 1.5, integers and bools 0 and 1 in turn."""
    count = torch.Size(shape).numel()
    if "float" in dtype:
        return (torch.arange(count, device=device) / max(count, 1) + 0.5).to(getattr(torch, dtype)).reshape(shape)
    return (torch.arange(count, device=device) % 2).to(getattr(torch, dtype)).reshape(shape)


@contextlib.contextmanager
def default_dtype(dtype: str) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def num_threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def grad_mode(wanted: bool) -> contextlib.AbstractContextManager[Any]:
    return torch.set_grad_enabled(wanted)


def inference_mode(wanted: bool) -> contextlib.AbstractContextManager[Any]:
    return torch.inference_mode(wanted)


def autocast(device: str, dtype: str, wanted: bool) -> contextlib.AbstractContextManager[Any]:
    return torch.autocast(device, dtype=getattr(torch, dtype), enabled=wanted)


@contextlib.contextmanager
def training(model: torch.nn.Module, wanted: bool) -> Iterator[None]:
    before = [(module, module.training) for module in model.modules()]
    model.train(wanted)
    try:
        yield
    finally:
        for module, mode in before:
            module.training = mode


@contextlib.contextmanager
def parameters_grad(model: torch.nn.Module, wanted: bool) -> Iterator[None]:
    before = [(parameter, parameter.requires_grad) for parameter in model.parameters()]
    model.requires_grad_(wanted)
    try:
        yield
    finally:
        for parameter, was in before:
            parameter.requires_grad_(was)


@contextlib.contextmanager
def written(owner: Any, path: Sequence[str], change: Callable[[Any], Any]) -> Iterator[None]:
    """A block in which something else is at the path: an attribute, or an entry, that is written to."""
    holder, step = at(owner, path[:-1]), path[-1]
    before = present(holder, step)
    absent = before is None and not _has(holder, step)
    put(holder, step, change(before))
    try:
        yield
    finally:
        if absent:
            delattr(holder, step[1:])
        else:
            put(holder, step, before)


def _has(holder: Any, step: str) -> bool:
    return hasattr(holder, step[1:]) if step.startswith(".") else True
