from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind, Location, Policy, Sync
from steadygraph.rule import Example, Rule

_MERGE = """
import torch
from torch import nn

class Merge(nn.Module):
    def forward(self, x, rows=None, mask=None):
        if rows is not None:
            {merge}
        return x * 2

def build():
    return Merge()

def profile():
    return (torch.ones(4, 2),), {{}}

def serving():
    mask = torch.tensor([True, False, True, False])
    return {{"image": ((torch.ones(4, 2), torch.zeros(2, 2), mask), {{}})}}
"""

_POSITIONS = """
import torch
from torch import nn

DEVICE = "cuda"

class Positions(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, device=DEVICE))

    def forward(self, x, lengths=None):
        if lengths is not None:
            {copy}
            x = x + y.sum()
        return x * self.weight

def build():
    return Positions()

def profile():
    return (torch.ones(2, 4, device=DEVICE),), {{}}

def serving():
    return {{"image": ((torch.ones(2, 4, device=DEVICE), [1, 2]), {{}})}}
"""

_MOVE_INDICES = "Move the indices to the device once, before the calls."
#: Words of the operation -> what to do instead.
_FIXES = (
    (
        "assignment of a number",
        "Assign through a mask on the device, or use index_fill_, which takes the number.",
    ),
    ("indexing with a tensor of the CPU", _MOVE_INDICES),
    ("indices of the CPU", _MOVE_INDICES),
    ("of the CPU", "Make the tensor on the device, or move it there once, before the calls."),
    ("assignment through", "Use masked_scatter or torch.where, or keep the mask on the CPU (torch >= 2.9)."),
    ("indexing with", "Gather with precomputed indices, or keep the mask on the CPU (torch >= 2.9)."),
    ("as a Python value", "Keep the value in a tensor (torch.where in place of `if`), or compute it on the host."),
    ("with a value on the device", "Give the value as a number, or use torch.where."),
    ("repeat_interleave", "Pass output_size=."),
    ("histc", "Pass min= and max=."),
    ("deviations", "Draw with torch.randn_like and scale the result."),
    ("torch.linalg", "Use the variant that does not check (inv_ex, cholesky_ex, ...), or allow it with a reason."),
    ("memory that is not pinned", "Copy from and into pinned memory (pin_memory=True)."),
    (
        "copy to the host",
        "Copy into pinned memory with non_blocking=True, to be read in a later step, or keep a copy on the host.",
    ),
    (
        "copy to the device",
        "Pin the memory (pin_memory=True) and copy with non_blocking=True, or keep the tensor on the device.",
    ),
    (
        "tensor(",
        "Make it with torch.full, zeros or arange, or in pinned memory and copy it with non_blocking=True; "
        "make it once if it is always the same.",
    ),
    ("printing", "Print shapes and dtypes, or values of the host."),
    ("tolist", "Compute the list on the host before the tensor is moved to the device."),
    ("cpu", "Copy without waiting into pinned memory, or keep a copy on the host."),
    ("synchronize()", "Order work with events and streams, or allow it with a reason where the host has to wait."),
    ("CUDA calls", "Look for a value that is read, or for a copy, on this line."),
)
_OTHERWISE = "Compute the size on the host, or use an operator whose result has a fixed size."
_WAITS, _MAY_WAIT = "which makes the host wait for the device", "which may make the host wait for the device"


class HostSync(Rule):
    """Something that makes the host wait for the device.

    What it finds:
        Operations whose result has a size, or is a Python value, that only the data tells: indexing and assignment
        with a bool mask, nonzero, masked_select, unique, ``.item()``, ``.tolist()``, ``.cpu()``, ``torch.equal``, a
        tensor in an ``if`` or in a ``print``; inside and outside of the compiled regions, with line and count.
        In a case with ``DEVICE = "cuda"`` also blocking copies between host and device (``.to()``, ``torch.tensor(...,
        device=)``, a list or a CPU tensor as an index) and ``torch.cuda.synchronize()``.
        What only serving has comes first; what only the profile call has is a note.  Where CUDA itself can be asked,
        the message says whether it calls something on the line synchronizing.

    Why it matters:
        On a GPU the host stops until everything that was queued is done, and only then goes on to queue.  A CUDA graph
        cannot be captured across such a point at all: an error under policy ``cuda-graph``, accepted or not.  One that
        only serving has was never in the profile's timings.

    How to fix it:
        Keep sizes and decisions on the host, or keep values in tensors; copy from pinned memory with ``non_blocking``.
        Where the host has to wait, say so: ``with steadygraph.allow_sync("reason"):`` around the line accepts what
        waits in it.

    Known limits:
        On a CPU every tensor is taken for one that the deployment keeps on its device: a mask that stays on the CPU
        there is reported as well, and copies are not seen.  Operators of torch.sparse and torch.distributed, and
        kernels of other packages, are not known.
        In a compiled region the operators of the graph count as they stand there.  Inductor makes a tensor of constants
        (``torch.tensor([1, 2], device=)``, a list as an index) once, when it compiles, and fuses a masked_fill with a
        value on the device: what it compiled does not wait for those.
    """

    code = "SG402"
    name = "host-sync"
    kind = Kind.HOST_SYNC
    flagged = (
        Example(
            "rows merged through a bool mask",
            _MERGE.format(merge="x = x.clone(); x[mask] = rows"),
            ("image",),
            ("SG101",),
            fix="Use masked_scatter or torch.where, or keep the mask on the CPU (torch >= 2.9).",
            fixed=(_MERGE.format(merge="x = x.masked_scatter(mask.unsqueeze(-1), rows)"),),
        ),
        Example(
            "a list made into a tensor on the device",
            _POSITIONS.format(copy="y = torch.tensor(lengths, device=x.device)"),
            ("image",),
            ("SG101",),
            fix="Make it with torch.full, zeros or arange, or in pinned memory and copy it with non_blocking=True; "
            "make it once if it is always the same.",
            fixed=(
                _POSITIONS.format(
                    copy="y = torch.tensor(lengths).pin_memory()\n            y = y.to(DEVICE, non_blocking=True)"
                ),
            ),
        ),
    )
    passed = (Example("a number of rows that the host knows", _MERGE.format(merge="x = x + rows.repeat(2, 1)")),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        profile = _counts(evidence.profile_syncs)
        serving = _counts(evidence.serving_syncs)
        captured = [outcome for outcome in evidence.outcomes if outcome.policy is Policy.CUDA_GRAPH]
        for sync in _by_place(evidence.syncs):
            place = sync.operation, sync.location
            only_profile = evidence.scenario == PROFILE and place not in serving
            known = profile.get(place, 0)
            yield self.finding(
                evidence,
                (
                    sync.operation,
                    f", {_WAITS if sync.certain else _MAY_WAIT}",
                    f": {_where_from(evidence, known, only_profile=only_profile)}{_per_call(sync.count)}"
                    f"{f', {_per_call(known)} at profile' if known != sync.count and known else ''}",
                    _confirmation(sync),
                    "; the capture of a CUDA graph fails here" if sync.fails_capture else "",
                ),
                path=_cause(sync),
                consequence=_consequence(sync, only_profile=only_profile),
                fix=next((fix for words, fix in _FIXES if words in sync.operation), _OTHERWISE),
                location=sync.location,
                profile=_per_call(known) if known not in (0, sync.count) else "",
                serving=_per_call(sync.count),
                allowed=sync.allowed,
                says_change=True,
                outcomes=captured,
            )


def _consequence(sync: Sync, *, only_profile: bool) -> Consequence:
    if sync.fails_capture:
        return Consequence.RAISES
    return Consequence.BENIGN if only_profile or not sync.certain else Consequence.SLOW


_Counts = dict[tuple[str, Location | None], int]


def _counts(syncs: Iterable[Sync]) -> _Counts:
    counts: _Counts = {}
    for sync in syncs:
        counts[sync.operation, sync.location] = counts.get((sync.operation, sync.location), 0) + sync.count
    return counts


def _by_place(syncs: Iterable[Sync]) -> Iterable[Sync]:
    """One for each line, whether a region was running or not; what the code allows is told apart."""
    found: dict[tuple[str, Location | None, str | None], Sync] = {}
    for sync in syncs:
        # A reason to wait is none to wait while a graph is captured.
        allowed = None if sync.fails_capture else sync.allowed
        key = sync.operation, sync.location, allowed
        known = found.get(key, dataclasses.replace(sync, count=0))
        fails = sync.fails_capture or known.fails_capture
        found[key] = dataclasses.replace(sync, count=sync.count + known.count, allowed=allowed, fails_capture=fails)
    return found.values()


def _where_from(evidence: Evidence, known: int, *, only_profile: bool) -> str:
    if evidence.scenario == PROFILE:
        return "only in the profile call, " if only_profile else ""
    return "" if known else "only in serving, "


def _per_call(count: int) -> str:
    return f"{count} per call"


def _confirmation(sync: Sync) -> str:
    if sync.confirmed is None:
        return ""
    return "; CUDA confirms it" if sync.confirmed else "; CUDA does not tell of it"


def _cause(sync: Sync) -> str:
    # No line number: a fingerprint survives lines that move.
    where = f" in {sync.location.function}: {sync.location.text}" if sync.location else ""
    allowed = f" (allowed: {sync.allowed})" if sync.allowed is not None else ""
    return sync.operation + where + allowed
