"""Is one result right?  Compared with eager mode, within the tolerance of its dtype."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.case.checks import described
from steadygraph.compare.structure import differences, is_symbolic
from steadygraph.model import Aspect, Difference, Node
from steadygraph.observe.inputs import symbols
from steadygraph.observe.inputs.objects import is_read_once
from steadygraph.observe.inputs.structure import Limits, capture_with_leaves, tensor_spec
from steadygraph.observe.inputs.values import key_text, type_name, value_text
from steadygraph.policies import rounding
from steadygraph.policies.rounding import Noise

#: What paths into a result start with.
ROOT = "output"
#: A result is compared whole: a list of 5,000 logits is not cut as a call would be.
_LIMITS = Limits(items=1_000_000, nodes=1_000_000)
#: Differences of structure that make no result wrong: numbers are compared apart, strides are not results.
_HARMLESS = frozenset({Aspect.VALUE, Aspect.STRIDE})
#: A parameter that is returned is a tensor: compiled code may hand it out as one.
_PLAIN_CLASSES = frozenset({"torch.Tensor", "torch.nn.parameter.Parameter", "torch.nn.parameter.Buffer"})
#: What to do about a part that is not compared.
_READ = "return a list of what it gives, or let observe() do so"
_OBSERVE = "let observe() return what counts of it"
#: How torch.testing.assert_close counts (torch 2.13).
_MISMATCHED = re.compile(r"Mismatched elements: (\d+) / (\d+)")


@dataclass(frozen=True, slots=True)
class Unread:
    """What stands for a part of a result that is not looked into: ``output`` ``why``, as a sentence."""

    why: str
    #: A generator, an iterator, a coroutine: one kind is as good as another.
    once: bool = False


class _NotComparableError(Exception):
    """Two tensors of a kind that nobody can compare."""


@dataclass(frozen=True, slots=True, eq=False)
class FrozenOutput:
    """A result that later writes to its tensors do not change."""

    structure: Node
    #: (path, value) of each tensor and each Python value; tensors are detached copies.
    leaves: tuple[tuple[str, Any], ...]

    @property
    def lacks_values(self) -> bool:
        """Is there a tensor in it that has metadata only?"""
        return any(_lacks_value(value) for _, value in self.leaves)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether a result equals that of eager mode.

    ``max_abs_error`` is the largest absolute difference over floating and complex tensors of equal shape; None if
    there are none.  ``detail`` is one line about the first thing that is wrong; ``places`` are the paths of all.
    ``unproved`` says what was not compared, and what to do about it; None: all of it was.
    """

    equal: bool
    max_abs_error: float | None = None
    detail: str | None = None
    places: tuple[str, ...] = ()
    unproved: str | None = None


def freeze(output: object) -> FrozenOutput:
    """Copy a result: tensors are detached and cloned once each, Python values kept."""
    structure, leaves = capture_with_leaves(output, _LIMITS)
    copies: dict[int, Any] = {}
    with torch_private.without_modes():
        for _, value in leaves:
            if id(value) not in copies:
                copies[id(value)] = _copy(value)
    return FrozenOutput(structure, tuple((path, copies[id(value)]) for path, value in leaves))


def live(value: object) -> FrozenOutput:
    """The same of a value that is compared at once: nothing is copied."""
    structure, leaves = capture_with_leaves(value, _LIMITS)
    return FrozenOutput(
        structure, tuple((path, leaf if torch_private.is_tensor(leaf) else _copy(leaf)) for path, leaf in leaves)
    )


def noise(eager: FrozenOutput, other: FrozenOutput, largest: float = rounding.LARGEST_NOISE) -> Noise:
    """By path, the relative error of each tensor of a result that differs from eager mode by rounding alone.

    Args:
        eager: The truth.
        other: The result.
        largest: What differs by more is wrong, and no measure of rounding.
    """
    found = dict(other.leaves)
    with torch_private.without_modes():
        measured = {
            path: rounding.relative_errors(*pair)[0]
            for path, expected in eager.leaves
            if path in found and (pair := _real_pair(expected, found[path])) is not None
        }
    return {path: error for path, error in measured.items() if error <= largest}


def compare(
    eager: FrozenOutput,
    other: FrozenOutput,
    *,
    noise: Noise | None = None,
    root: str = ROOT,
    besides: Collection[str] = (),
    truth: str = "in eager mode",
) -> Comparison:
    """Compare a frozen result with that of eager mode.

    Wrong are: another structure or type, shape, dtype, device or layout; a gradient that is lost; numbers beyond the
    default tolerance of ``torch.testing.assert_close``, NaN equal to NaN; any other value that is not equal.

    Args:
        eager: The right result.
        other: The one to judge.
        noise: What this way of running rounds differently; errors that it explains are none.
        root: What paths begin with.
        besides: Places where a difference says nothing.
        truth: Where the right result is from, for sentences.
    """
    found = dict(other.leaves)
    once = {root + path for path, value in eager.leaves if _is_once(value) and _is_once(found.get(path))}
    unproved: list[str] = []
    wrong = [
        (difference.path, f"{difference.profile} {truth}, {difference.serving} here")
        for difference in differences(eager.structure, other.structure, root=root)
        if _matters(difference) and difference.path not in besides and difference.path not in once
    ]
    errors = []
    with torch_private.without_modes():
        for path, expected in eager.leaves:
            if path not in found or root + path in besides:
                continue
            if isinstance(expected, Unread):
                unproved.append(f"{root}{path} {expected.why}")
                continue
            try:
                difference, problem = _held_against(
                    expected, found[path], truth, noise.get(path, 0.0) if noise else 0.0
                )
            except Exception as error:
                if not (isinstance(error, _NotComparableError) or _is_special(expected, found[path])):
                    raise
                unproved.append(f"{root}{path} is {_a_kind(expected)} that torch cannot compare: {_OBSERVE}")
                continue
            errors += [] if difference is None else [difference]
            wrong += [] if problem is None else [(root + path, problem)]
    detail = ": ".join(wrong[0]) if wrong else None
    places = tuple(path for path, _ in wrong)
    return Comparison(not wrong, max(errors, default=None), detail, places, unproved[0] if unproved else None)


def _held_against(expected: Any, actual: Any, truth: str, noise: float) -> tuple[float | None, str | None]:
    """The largest error of a leaf, and what is wrong with it; None where there is nothing to say."""
    if _identical(expected, actual):
        return (0.0 if _is_real(expected) else None), None
    error = _absolute_error(expected, actual)
    problem = _mismatch(expected, actual, error, truth)
    if problem is not None and noise and _is_rounding(noise, expected, actual):
        problem = None
    return error, problem


def _is_special(*values: object) -> bool:
    """Is one of them a tensor of a kind that operators may not know?"""
    return any(torch_private.is_tensor(value) and not _is_ordinary(value) for value in values)


def _is_ordinary(tensor: torch.Tensor) -> bool:
    plain = type(tensor) is torch.Tensor and tensor.layout is torch.strided
    return plain and not tensor.is_quantized and not tensor.is_nested


def _identical(expected: Any, actual: Any) -> bool:
    """The usual case, at a tenth of the price: two plain tensors with the same bits."""
    if type(actual) is not torch.Tensor or not torch_private.is_tensor(expected) or not _is_ordinary(expected):
        return False
    try:
        return _comparable(expected, actual) and torch.equal(expected, actual)
    except (NotImplementedError, RuntimeError):  # not all dtypes are known
        return False


def _is_rounding(noise: float, expected: Any, actual: Any) -> bool:
    pair = _real_pair(expected, actual)
    return pair is not None and rounding.explains(noise, *pair)


def _real_pair(expected: Any, actual: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Two floating tensors of one shape, as ordinary tensors; None for anything else."""
    if not (torch_private.is_tensor(expected) and torch_private.is_tensor(actual)):
        return None
    a, b = plain(expected), plain(actual)
    if a is None or b is None or a.shape != b.shape or not (a.is_floating_point() and b.is_floating_point()):
        return None
    return a, b


def _copy(value: Any) -> Any:
    if torch_private.is_tensor(value):
        try:
            return value.detach().clone()
        except Exception:  # whatever its class, or torch, says of it
            return Unread(f"is {_a_kind(value)} that torch cannot copy: {_OBSERVE}")
    if isinstance(value, bytearray):
        return bytes(value)
    if is_read_once(type(value)):
        kind = type_name(type(value))
        return Unread(f"is a {kind}, which can be read one time only: {_READ}", once=True)
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        try:
            return torch.from_numpy(value.copy())
        except TypeError:  # objects, strings, dates
            return value.tolist()
    return value


def _a_kind(tensor: torch.Tensor) -> str:
    kind = f" ({tensor.qscheme()})" if type(tensor) is torch.Tensor and tensor.is_quantized else ""
    return f"{described(tensor)}{kind}"


def _is_once(value: object) -> bool:
    return isinstance(value, Unread) and value.once


def _lacks_value(value: object) -> bool:
    if torch_private.is_tensor(value):
        return value.is_meta or torch_private.is_fake(value)
    return symbols.is_unknown(value)


def _matters(difference: Difference) -> bool:
    if difference.aspect is Aspect.SHAPE and any(map(is_symbolic, (difference.profile, difference.serving))):
        return False  # a size that nobody knows fits every size
    if difference.aspect is Aspect.REQUIRES_GRAD:
        return difference.profile == str(True)  # one that nobody asked for does no harm
    if difference.aspect is Aspect.SUBCLASS:
        return not {difference.profile, difference.serving} <= _PLAIN_CLASSES
    return difference.aspect not in _HARMLESS


def _mismatch(expected: Any, actual: Any, error: float | None, truth: str) -> str | None:
    """What is wrong with a leaf, in a few words; None if nothing is, or if the structure has told."""
    if torch_private.is_tensor(expected) and torch_private.is_tensor(actual):
        return _tensor_mismatch(expected, actual, error, truth)
    unknown = symbols.is_unknown(expected) or symbols.is_unknown(actual)
    if unknown or type(expected) is not type(actual) or _equal(expected, actual):
        return None
    return f"{value_text(expected)} {truth}, {value_text(actual)} here"


def _equal(expected: Any, actual: Any) -> bool:
    if isinstance(expected, float | complex):
        # Often read from a tensor: rounding may differ there.
        return _close(expected, actual) is None
    try:
        return bool(expected == actual)
    except Exception:  # symbolic numbers, slices of tensors
        return key_text(expected) == key_text(actual)


def _tensor_mismatch(expected: torch.Tensor, actual: torch.Tensor, error: float | None, truth: str) -> str | None:
    if not _comparable(expected, actual):
        return None
    if expected.is_nested:
        rows, other_rows = ([tuple(part.shape) for part in tensor.unbind()] for tensor in (expected, actual))
        if rows != other_rows:
            return f"parts of sizes {rows} {truth}, {other_rows} here"
    try:
        message = _close(plain(expected), plain(actual)) if expected.is_nested else _close(expected, actual)
    except (NotImplementedError, RuntimeError, TypeError, ValueError):
        # assert_close does not know all layouts and narrow dtypes.
        pair = plain(expected), plain(actual)
        if pair[0] is None or pair[1] is None:
            raise _NotComparableError from None
        message = _close(*pair)
    if message is None:
        return None
    counted = _MISMATCHED.search(message)
    if counted is None or counted[2] == "1":
        return "the value differs" if error is None else f"the value differs, by {error:.3g}"
    text = f"{counted[1]} of {counted[2]} elements differ"
    return text if error is None else f"{text}, largest by {error:.3g}"


def _close(expected: Any, actual: Any) -> str | None:
    """None if both are close, otherwise the words of torch."""
    try:
        torch.testing.assert_close(actual, expected, equal_nan=True)
    except AssertionError as error:
        return str(error)
    return None


def _comparable(expected: torch.Tensor, actual: torch.Tensor) -> bool:
    """Do both have data, and look the same?  What does not is reported as a difference of structure."""
    before, now = tensor_spec(expected), tensor_spec(actual)
    if any(tensor.is_meta or torch_private.is_fake(tensor) for tensor in (expected, actual)):
        return False
    return (before.shape, before.dtype, before.device, before.layout) == (now.shape, now.dtype, now.device, now.layout)


def _absolute_error(expected: Any, actual: Any) -> float | None:
    """The largest absolute difference of two floating or complex tensors of one shape; NaN equals NaN."""
    if not (torch_private.is_tensor(expected) and torch_private.is_tensor(actual)):
        return None
    a, b = plain(expected), plain(actual)
    if a is None or b is None or a.shape != b.shape or not (_is_real(a) or _is_real(b)):
        return None
    if a.numel() == 0:
        return 0.0
    a, b = a.to(_widest(a)), b.to(_widest(b))
    same = (a == b) | (a.isnan() & b.isnan())
    difference = torch.where(same, 0.0, (a - b).abs())
    return float(torch.nan_to_num(difference, nan=math.inf, posinf=math.inf).max())


def _is_real(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _widest(tensor: torch.Tensor) -> torch.dtype:
    return torch.complex128 if tensor.is_complex() else torch.float64


def plain(tensor: torch.Tensor) -> torch.Tensor | None:
    """The same numbers as an ordinary tensor on the CPU; None for a tensor without data, or of an unknown kind."""
    if tensor.is_meta or torch_private.is_fake(tensor):
        return None
    try:
        if tensor.is_nested:
            tensor = torch.cat([part.reshape(-1) for part in tensor.unbind()])
        elif tensor.layout is not torch.strided:
            tensor = tensor.to_dense()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        if (tensor.dtype.itemsize == 1 and tensor.is_floating_point()) or tensor.dtype is torch.complex32:
            tensor = tensor.to(_widest(tensor))
        return tensor.cpu()
    except (NotImplementedError, RuntimeError, TypeError):
        return None
