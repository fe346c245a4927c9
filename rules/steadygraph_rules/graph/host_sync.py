from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import PROFILE, Consequence, Evidence, Finding, Kind, Sync
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

#: Words of the operation -> what to do instead.
_FIXES = (
    ("assignment through", "Use masked_scatter or torch.where, or keep the mask on the CPU (torch >= 2.9)."),
    ("indexing with", "Gather with precomputed indices, or keep the mask on the CPU (torch >= 2.9)."),
    ("as a Python value", "Keep the value in a tensor (torch.where in place of `if`), or compute it on the host."),
    ("repeat_interleave", "Pass output_size=."),
    ("tolist", "Compute the list on the host before the tensor is moved to the device."),
    ("cpu", "Copy without waiting into pinned memory, or keep a copy on the host."),
)
_OTHERWISE = "Compute the size on the host, or use an operator whose result has a fixed size."


class HostSync(Rule):
    """Something that makes the host wait for the device.

    What it finds:
        Operations whose result has a size, or is a Python value, that only the data tells: indexing and assignment
        with a bool mask, nonzero, masked_select, unique, ``.item()``, ``.tolist()``, ``.cpu()``, a tensor in an
        ``if``; inside and outside of the compiled regions, with line and count.

    Why it matters:
        On a GPU the host stops until everything that was queued is done, and only then goes on to queue.  A CUDA graph
        cannot be captured across such a point at all.  One that only serving has was never in the profile's timings.

    How to fix it:
        Keep sizes and decisions on the host, or keep values in tensors.

    Known limits:
        On a CPU every tensor is taken for one that the deployment keeps on its device: a mask that stays on the CPU
        there is reported as well.
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
        ),
    )
    passed = (
        Example(
            "rows merged with masked_scatter", _MERGE.format(merge="x = x.masked_scatter(mask.unsqueeze(-1), rows)")
        ),
    )

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        before = {(sync.operation, sync.location) for sync in evidence.profile_syncs}
        for sync in evidence.syncs:
            also = (sync.operation, sync.location) in before
            yield self.finding(
                evidence,
                f"{sync.operation}, which makes the host wait for the device"
                f"{_times(sync)}{_compared(evidence, known=also)}",
                cause=_cause(sync),
                consequence=Consequence.SLOW,
                fix=next((fix for words, fix in _FIXES if words in sync.operation), _OTHERWISE),
                location=sync.location,
            )


def _times(sync: Sync) -> str:
    return "" if sync.count == 1 else f", {sync.count} times per call"


def _compared(evidence: Evidence, *, known: bool) -> str:
    if evidence.scenario == PROFILE:
        return ""
    return "; the profile call has it too" if known else "; the profile call does not have it"


def _cause(sync: Sync) -> str:
    # No line number: a fingerprint survives lines that move.
    where = f" in {sync.location.function}: {sync.location.text}" if sync.location else ""
    return sync.operation + where
