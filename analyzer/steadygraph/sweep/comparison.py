"""What changed from one sweep to another: the changes of each target, as between two reports."""

from __future__ import annotations

from steadygraph.history.changes import CaseChanges, Changes, changes_between
from steadygraph.model.run import RunReport
from steadygraph.sweep.entry import Entry
from steadygraph.sweep.folder import Sweep, differing

_NONE = RunReport(())


def changes_between_sweeps(old: Sweep, new: Sweep) -> Changes:
    """Targets are matched by name; their reports are read one pair at a time.

    What a suite leaves out in both is not compared, and neither has it changed.

    Raises:
        UsageError: A report cannot be read.
    """
    older, newer = ({entry.target: entry for entry in sweep.entries} for sweep in (old, new))
    changed: list[CaseChanges] = []
    same = 0
    for target in dict.fromkeys((*older, *newer)):
        before, now = older.get(target), newer.get(target)
        if _are_left_out(before, now):
            same += 1
            continue
        reports = (_NONE if one is None else sweep.report(one) for sweep, one in ((old, before), (new, now)))
        (change,) = changes_between(*reports).cases
        if change.is_same:
            same += 1
        else:
            changed.append(change)
    versions = tuple(differing(old.manifest.environment, new.manifest.environment))
    return Changes(tuple(changed), versions, same)


def _are_left_out(before: Entry | None, now: Entry | None) -> bool:
    return before is not None and now is not None and before.is_left_out and now.is_left_out
