"""A case that knows nothing of devices, on a device: its model and its arguments are moved there."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import torch

from steadygraph.case.case import Case
from steadygraph.observe.inputs import structure


def moved_case(case: Case, device: str) -> Case:
    """The same case with a model and arguments on ``device``."""
    return dataclasses.replace(
        case,
        # Partials: what the functions of the case reach is found behind them.
        build=functools.partial(_model, case.build, device),
        profile=functools.partial(_arguments, case.profile, device),
        serving=functools.partial(_arguments, case.serving, device),
    )


def _model(build: Callable[[], Any], device: str) -> Any:
    with torch.device(device):  # tensors in plain attributes, which do not move with the module
        model = build()
    return model.to(device) if isinstance(model, torch.nn.Module) else model


def _arguments(make: Callable[[], Any], device: str) -> Any:
    """What ``make`` gives, copied, with every tensor in it on the device; a tensor that is in it twice stays one."""
    value = make()
    leaves = [leaf for _, leaf in structure.leaves(value) if isinstance(leaf, torch.Tensor)]
    return copy.deepcopy(value, {id(tensor): _moved(tensor, device) for tensor in leaves})


def _moved(tensor: torch.Tensor, device: str) -> torch.Tensor:
    """The same tensor on the device: of its class, with its attributes, and as far as autograd goes."""
    moved = tensor.detach().to(device)
    if isinstance(tensor, torch.nn.Parameter):
        moved = torch.nn.Parameter(moved, requires_grad=tensor.requires_grad)
    elif tensor.requires_grad:
        moved.requires_grad_()
    moved.__dict__.update(tensor.__dict__)
    return moved
