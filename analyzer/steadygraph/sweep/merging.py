"""One sweep made of its shards."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steadygraph.errors import UsageError, staging
from steadygraph.errors.files import require_folder
from steadygraph.sweep import folder
from steadygraph.sweep.entry import Entry
from steadygraph.sweep.folder import Manifest, Sweep


@dataclass(frozen=True, slots=True)
class Whole:
    """All entries of several sweeps.

    Args:
        manifest: What they are together.
        sources: The sweep that each entry comes from.
        entries: Sorted as the targets were asked for.
        absent: Shards that are not among them.
    """

    manifest: Manifest
    sources: tuple[Sweep, ...]
    entries: tuple[Entry, ...]
    absent: tuple[str, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Targets without an entry."""
        known = {entry.target for entry in self.entries}
        return tuple(target for target in self.manifest.targets if target not in known)


def merged(sweeps: Sequence[Sweep]) -> Whole:
    """Put sweeps together.

    Raises:
        UsageError: They are no parts of one sweep: other options, versions or targets, or a target twice.
    """
    first = sweeps[0]
    if len(sweeps) == 1 and first.manifest.shard == "1/1":
        return Whole(first.manifest, tuple(sweeps), first.entries, ())
    for other in sweeps[1:]:
        _require_fitting(first, other)
    owners: dict[str, Path] = {}
    for sweep in sweeps:
        for entry in sweep.entries:
            if entry.target in owners:
                problem = f"{entry.target} is in {owners[entry.target]} and in {sweep.folder}"
                raise UsageError(problem, hint="name each shard once")
            owners[entry.target] = sweep.folder
    of = int(first.manifest.shard.partition("/")[2])
    there = {sweep.manifest.shard for sweep in sweeps}
    absent = tuple(shard for number in range(1, of + 1) if (shard := f"{number}/{of}") not in there)
    order = {target: number for number, target in enumerate(first.manifest.targets)}
    entries = sorted((e for sweep in sweeps for e in sweep.entries), key=lambda e: order.get(e.target, len(order)))
    return Whole(dataclasses.replace(first.manifest, shard="1/1"), tuple(sweeps), tuple(entries), absent)


def store(whole: Whole, out: Path) -> None:
    """Write the whole to a new folder, or nothing of it.

    Raises:
        UsageError: The folder is there, or cannot be written, or a report is not the one that its entry names.
    """
    if out.exists():
        raise UsageError(f"{out} is there already", hint="name a new directory")
    parent = out.absolute().parent
    require_folder(parent)
    try:
        with staging.folder(parent) as staged:
            made = staged / "sweep"
            folder.begin(made, whole.manifest)
            for sweep in whole.sources:
                for entry in sweep.entries:
                    folder.store(made, entry, folder.text_of(sweep.folder, entry))
            os.rename(made, out)
    except OSError as error:
        raise UsageError(f"cannot write {out}: {error.strerror}", hint="choose another place") from error


def _require_fitting(one: Sweep, other: Sweep) -> None:
    ours, theirs = one.manifest, other.manifest
    hint = "merge shards of one sweep"
    if ours.targets != theirs.targets:
        raise UsageError(f"{one.folder} and {other.folder} are parts of other suites", hint=hint)
    if ours.shard.partition("/")[2] != theirs.shard.partition("/")[2]:
        raise UsageError(f"{one.folder} is shard {ours.shard}, and {other.folder} is shard {theirs.shard}", hint=hint)
    for name, old, new in (
        *folder.differing(ours.options, theirs.options),
        *folder.differing(ours.environment, theirs.environment),
    ):
        raise UsageError(f"{one.folder} has {name} {old}, and {other.folder} has {new}", hint=hint)
