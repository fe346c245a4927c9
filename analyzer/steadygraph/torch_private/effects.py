"""Which nodes of an FX graph do more than give a value: later nodes see it, although no edge leads from one to them."""

from __future__ import annotations

import operator
from typing import Any

import torch

from steadygraph.torch_private.graphs import TracedNode
from steadygraph.torch_private.tensors import asserts_size

_MEMBERS = {"torch._ops.OpOverload": "_schema", "torch._ops.OpOverloadPacket": "_overload_names"}

_DRAWING = frozenset(
    {"rand", "randn", "randint", "randperm", "rand_like", "randn_like", "randint_like"}
    | {"bernoulli", "multinomial", "normal", "poisson", "gumbel_softmax"}
)
_CALLS = frozenset({"call_function", "call_method", "call_module"})
_WRITING = frozenset({"setitem", "delitem", "__setitem__", "__delitem__"})
_KNOWN = frozenset({"torch", "_operator", "builtins", "math"})


def has_effect(node: TracedNode) -> bool:
    """Does this node write to memory that it did not make, draw random numbers, or set a mode?  In doubt it does.

    Told by the lack of a value (``_set_grad_enabled``, ``_enter_autocast``), by schemas, by the convention for names
    (``add_``, ``+=``, ``out=``), and by flags as of ``relu(x, inplace=True)`` and ``dropout(x, 0.1, training=True)``.
    """
    if node.op not in _CALLS:
        return False
    if node.example is None:
        return not asserts_size(node.target)
    name = _name(node.target)
    if name in _DRAWING or _is_flagged(node, name) or writes(node):
        return True
    return not _schemas(node.target) and _is_unknown(node.target)


def writes(node: TracedNode) -> bool:
    """Does this node write to memory, as far as schema, name and flags tell?  Dropout may; it is not said to."""
    if node.op not in _CALLS:
        return False
    name, schemas = _name(node.target), _schemas(node.target)
    if _is_flagged(node, name) and "dropout" not in name:
        return True
    return any(schema.is_mutable for schema in schemas) if schemas else _writes(name)


def _schemas(target: Any) -> list[Any]:
    if isinstance(target, torch._ops.OpOverloadPacket):
        return [getattr(target, each)._schema for each in target._overload_names if not each.endswith("out")]
    return [target._schema] if isinstance(target, torch._ops.OpOverload) else []


def _writes(name: str) -> bool:
    bare = name.strip("_")
    is_augmented = bare.startswith("i") and hasattr(operator, f"__{bare[1:]}__")
    return name in _WRITING or is_augmented or (name.endswith("_") and name[-2:-1] != "_" and name != "is_")


def _is_flagged(node: TracedNode, name: str) -> bool:
    given = [node.kwargs.get(flag) for flag in ("inplace", "training")]
    # Functions take these by position, too.
    if "dropout" in name or getattr(node.target, "__module__", None) == "torch.nn.functional":
        given += node.args
    return any(flag is True for flag in given) or bool(node.kwargs.get("out") or node.kwargs.get("dropout_p"))


def _is_unknown(target: Any) -> bool:
    """A function of the user's, or what runs others and has not said which."""
    home = str(getattr(target, "__module__", None) or "torch").partition(".")[0]
    return not isinstance(target, str) and (home not in _KNOWN or isinstance(target, torch._ops.HigherOrderOperator))


def _name(target: Any) -> str:
    return target if isinstance(target, str) else str(getattr(target, "__name__", target)).partition(".")[0]
