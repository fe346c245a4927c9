"""Rows of images put between rows of text, without waiting for the device.

``inputs_embeds[mask] = rows`` has to know how many rows the mask selects before it can go on: with a mask on a GPU
the host waits for everything that was queued before.  Here the number of rows is the known size, and
``torch.nonzero_static`` finds the place of each on the device, without telling the host anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

#: Rows that are converted at a time, if their dtype is not that of the embeddings.
_CONVERTED_ROWS = 1024


def merge_rows(
    inputs_embeds: Tensor, mask: Tensor, rows: Tensor | Sequence[Tensor], counts: Sequence[int] | None = None
) -> Tensor:
    """Replace the rows of ``inputs_embeds`` that ``mask`` selects by ``rows``, in order and in place.

    How many tokens the mask selects must be known to the host before anything is written, and no value is read from a
    device.  A mask on the CPU beside embeddings on a device is counted on the host, and copied from pinned memory, n
    bytes, without waiting.  For a mask beside the embeddings ``counts`` are believed, which a scheduler has: the
    lengths of the placeholders that the mask was made from.  Should such a mask select fewer tokens, the last rows are
    left out; should it select more, the last tokens stay as they were; :func:`check_count` tells.

    Beside one index for each row no memory is taken; rows of another dtype are converted 1,024 at a time.  Traceable as
    one graph if ``counts`` are given; a compiled call believes them wherever the mask is.

    Args:
        inputs_embeds: ``[n, H]``; any floating dtype and device.
        mask: ``[n]`` bool, on the device of ``inputs_embeds`` or on the CPU.
        rows: One ``[k_i, H]`` for each item, or one tensor; on the device of ``inputs_embeds``, cast to its dtype.
        counts: Number of tokens that each item's placeholder selects in the mask.  May be left out if the mask is on
            the CPU, which is then read, also beside embeddings on the CPU.

    Returns:
        ``[]`` int64 on the device of ``inputs_embeds``: how many tokens the mask selected, for :func:`check_count`.
        An empty list of rows changes nothing, whatever the mask, and the result is 0.

    Raises:
        ValueError: the counts differ (which item, and both numbers), or shapes, dtype or devices do not fit.  Nothing
            was written then.

    Source: https://github.com/vllm-project/vllm/pull/34246 and issue 22105 there; the method is ours.
    """
    items = [rows] if isinstance(rows, Tensor) else list(rows)
    _require_fit(inputs_embeds, mask, items)
    if counts is not None:
        _require_counts(mask, items, counts)
    if not items:
        return torch.zeros((), dtype=torch.int64, device=inputs_embeds.device)
    if counts is None or (mask.device != inputs_embeds.device and not torch.compiler.is_compiling()):
        _require_selected(mask, items)
    mask = _beside(inputs_embeds, mask)
    bounds = _bounds(items)
    if bounds[-1] > 0:
        _write(inputs_embeds, mask, items, bounds)
    return mask.sum()


def check_count(count: Tensor, rows: Tensor | Sequence[Tensor]) -> None:
    """Compare what a mask on the device really selected with the rows.  **Waits for the device.**

    Call it where the host waits anyway, after the sampled tokens were read for instance.

    Args:
        count: ``[]``, what :func:`merge_rows` returned.
        rows: The rows that were merged.

    Raises:
        ValueError: the mask selected another number of tokens.
    """
    items = [rows] if isinstance(rows, Tensor) else list(rows)
    found = int(count)
    if items and found != _bounds(items)[-1]:
        raise ValueError(f"the mask selected {found} tokens, {_given(items)}")


def _write(inputs_embeds: Tensor, mask: Tensor, items: Sequence[Tensor], bounds: Sequence[int]) -> None:
    # Rows for which the mask has no token are sent to row 0, which gets its value back at the end: a value that is
    # right whether the mask selects row 0 or not.
    places = torch.nonzero_static(mask, size=bounds[-1], fill_value=0)[:, 0]
    first = next(item[0] for item in items if item.shape[0])
    row_0 = torch.where(mask[0], first.to(inputs_embeds.dtype), inputs_embeds[0])
    for item, (begin, end) in zip(items, pairwise(bounds), strict=True):
        for block, at in _converted(item, places[begin:end], inputs_embeds.dtype):
            inputs_embeds.index_copy_(0, at, block)
    inputs_embeds[0] = row_0


def _require_fit(inputs_embeds: Tensor, mask: Tensor, items: Sequence[Tensor]) -> None:
    if inputs_embeds.dim() != 2:
        raise ValueError(f"inputs_embeds have {inputs_embeds.dim()} dimensions, not the 2 of [tokens, H]")
    if mask.dtype != torch.bool:
        raise ValueError(f"the mask is {_name(mask.dtype)}, not bool")
    if mask.shape != inputs_embeds.shape[:1]:
        raise ValueError(f"the mask has shape {list(mask.shape)}, inputs_embeds have {inputs_embeds.shape[0]} rows")
    if mask.device != inputs_embeds.device and mask.device.type != "cpu":
        raise ValueError(f"the mask is on {mask.device}, inputs_embeds are on {inputs_embeds.device}")
    width = inputs_embeds.shape[1]
    for index, item in enumerate(items):
        if item.dim() != 2 or item.shape[1] != width:
            raise ValueError(f"item {index} has shape {list(item.shape)}, inputs_embeds are {width} wide")
        if item.device != inputs_embeds.device:
            raise ValueError(f"item {index} is on {item.device}, inputs_embeds are on {inputs_embeds.device}")


def _require_selected(mask: Tensor, items: Sequence[Tensor]) -> None:
    if mask.device.type != "cpu":
        raise ValueError(
            f"the mask is on {mask.device}, where its tokens cannot be counted without waiting: "
            "pass counts, the length of each item's placeholder"
        )
    if (found := int(mask.sum())) != _bounds(items)[-1]:
        raise ValueError(f"the mask selects {found} tokens, {_given(items)}")


def _require_counts(mask: Tensor, items: Sequence[Tensor], counts: Sequence[int]) -> None:
    if len(counts) != len(items):
        raise ValueError(f"{len(counts)} placeholders are counted, {len(items)} items are given")
    for index, (item, count) in enumerate(zip(items, counts, strict=True)):
        if item.shape[0] != count:
            raise ValueError(f"item {index} has {item.shape[0]} rows, its placeholder has {count}")
    if sum(counts) > mask.shape[0]:
        raise ValueError(f"the placeholders have {sum(counts)} tokens, inputs_embeds have {mask.shape[0]} rows")


def _beside(inputs_embeds: Tensor, mask: Tensor) -> Tensor:
    if mask.device == inputs_embeds.device:
        return mask
    # From pageable memory the copy would wait until the device has taken it.
    source = mask.pin_memory() if inputs_embeds.is_cuda else mask
    return source.to(inputs_embeds.device, non_blocking=True)


def _bounds(items: Sequence[Tensor]) -> list[int]:
    """Where each item begins among all rows, and where the last one ends."""
    bounds = [0]
    for item in items:
        bounds.append(bounds[-1] + item.shape[0])
    return bounds


def _converted(item: Tensor, places: Tensor, dtype: torch.dtype) -> Iterator[tuple[Tensor, Tensor]]:
    # A compiler converts while it copies, and would have to know the number of blocks.
    if item.dtype == dtype or torch.compiler.is_compiling():
        yield item.to(dtype), places
    else:
        for begin in range(0, item.shape[0], _CONVERTED_ROWS):
            block = slice(begin, begin + _CONVERTED_ROWS)
            yield item[block].to(dtype), places[block]


def _given(items: Sequence[Tensor]) -> str:
    lengths = [item.shape[0] for item in items]
    if len(lengths) == 1:
        return f"{lengths[0]} rows are given"
    return f"{len(lengths)} items give {' + '.join(map(str, lengths))} = {sum(lengths)} rows"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
