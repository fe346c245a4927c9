"""A case that knows nothing of devices, on a device: its model and its arguments are moved there."""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

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


def moved_model(model: nn.Module, device: str) -> nn.Module:
    """The model on ``device``, by its own ``to``; what it held before is for the caller to keep.

    Parameters that are one object stay one: where the device is simulated, torch makes a new object of each.
    """
    places = list(_places(model))
    swapped = torch.__future__.get_swap_module_params_on_conversion()
    for place in places:
        if swapped or type(place.parameter) is not nn.Parameter:
            # torch would swap the contents of the two objects: nothing could give those of the old one back to it.
            place.put(_twin(place.parameter))
    moved = model.to(device)
    for place in places:
        place.put(place.owners[0][0]._parameters[place.owners[0][1]])
    return moved if torch_private.is_module(moved) else model


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """A parameter, and the modules that have it, each with its name there."""

    parameter: nn.Parameter
    owners: list[tuple[nn.Module, str]] = field(default_factory=list)

    def put(self, parameter: nn.Parameter | None) -> None:
        for module, name in self.owners:
            module._parameters[name] = parameter


def _places(model: nn.Module) -> Iterable[_Place]:
    places: dict[int, _Place] = {}
    for module in model.modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and not is_lazy(parameter):
                places.setdefault(id(parameter), _Place(parameter)).owners.append((module, name))
    return places.values()


def _twin(parameter: nn.Parameter) -> nn.Parameter:
    twin = nn.Parameter(parameter.detach(), requires_grad=parameter.requires_grad)
    twin.__dict__.update({name: value for name, value in vars(parameter).items() if name not in vars(twin)})
    return twin


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
    if isinstance(tensor, nn.Parameter):
        moved = nn.Parameter(moved, requires_grad=tensor.requires_grad)
    elif tensor.requires_grad:
        moved.requires_grad_()
    moved.__dict__.update(tensor.__dict__)
    return moved
