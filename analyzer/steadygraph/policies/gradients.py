"""The gradients of a loss that a call returns: they are results of a call whose case asks for a backward."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.case.case import Case
from steadygraph.case.checks import described
from steadygraph.errors import CaseError
from steadygraph.observe.inputs.storage import tensor_arguments


def with_gradients(
    case: Case, model: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any], loss: object
) -> object:
    """A loss and, where gradients are on, those of the leaves that ask for one, by name; None: none reaches it.

    ``grad`` of parameters is left as it is: nothing of the model changes.

    Raises:
        CaseError: It is no loss.
        RuntimeError: As ``loss.backward()`` raises.
    """
    if not torch.is_grad_enabled():
        return loss
    if not torch_private.is_tensor(loss) or loss.numel() != 1:
        label = case.named("BACKWARD") if case.observe is None else case.named("BACKWARD and observe()")
        raise CaseError(
            f"{label}: {described(loss)} is no loss to derive",
            hint="return a tensor with one element, or leave BACKWARD out",
        )
    leaves: dict[str, torch.Tensor] = {f"model.{name}": tensor for name, tensor in model.named_parameters()}
    leaves |= tensor_arguments(args, kwargs)
    wanted = {name: tensor for name, tensor in leaves.items() if tensor.requires_grad and tensor.is_leaf}
    gradients = torch.autograd.grad(loss, list(wanted.values()), allow_unused=True)
    return {"loss": loss, "gradients": dict(zip(wanted, gradients, strict=True))}
