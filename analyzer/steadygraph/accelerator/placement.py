"""A case that knows nothing of devices, on a device: its model and its arguments are moved there."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.case.case import Case
from steadygraph.observe.inputs import structure
from steadygraph.observe.inputs.objects import is_read_once


def moved_case(case: Case, device: str) -> Case:
    """The same case with arguments on ``device``; its model is left to :func:`moved_model`."""
    return dataclasses.replace(
        case,
        # Partials: what the functions of the case reach is found behind them.
        build=functools.partial(_built, case.build, device),
        profile=functools.partial(_arguments, case.profile, device),
        serving=functools.partial(_arguments, case.serving, device),
    )


def moved_model(model: torch.nn.Module, device: str) -> torch.nn.Module:
    """The model on ``device``, by its own ``to``; what it held before is for the caller to keep.

    Parameters that are one object stay one: where the device is simulated, torch makes a new object of each.
    """
    shared = list(_shared_parameters(model))
    moved = model.to(device)
    for (first, name), *others in shared:
        for module, other in others:
            module._parameters[other] = first._parameters[name]
    return moved if torch_private.is_module(moved) else model


def _shared_parameters(model: torch.nn.Module) -> Iterator[list[tuple[torch.nn.Module, str]]]:
    """The places of each parameter that has several of them."""
    places: dict[int, list[tuple[torch.nn.Module, str]]] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None:
                places.setdefault(id(parameter), []).append((module, name))
    return (several for several in places.values() if len(several) > 1)


def _built(build: Callable[[], Any], device: str) -> Any:
    with torch.device(device):  # tensors in plain attributes, which do not move with the module
        return build()


def _arguments(make: Callable[[], Any], device: str) -> Any:
    """What ``make`` gives, copied, with every tensor in it on the device; a tensor that is in it twice stays one."""
    value = make()
    memo: dict[int, Any] = {}
    for _, leaf in structure.leaves(value):
        if torch_private.is_tensor(leaf):
            memo[id(leaf)] = _moved(leaf, device)
        elif is_read_once(type(leaf)):  # cannot be copied
            memo[id(leaf)] = leaf
    return copy.deepcopy(value, memo)


def _moved(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """The same tensor on the device: of its class, with its attributes, and as far as autograd goes."""
    moved = tensor.detach().to(device)
    if isinstance(tensor, torch.nn.Parameter):
        moved = torch.nn.Parameter(moved, requires_grad=tensor.requires_grad)
    elif tensor.requires_grad:
        moved.requires_grad_()
    moved.__dict__.update(tensor.__dict__)
    return moved
