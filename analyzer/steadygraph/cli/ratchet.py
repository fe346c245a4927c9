"""``--baseline`` and ``--update-baseline``: what is accepted counts no more, and only a person can accept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steadygraph.cli import streams
from steadygraph.errors import UsageError
from steadygraph.errors.files import require_writable, write
from steadygraph.history import baseline
from steadygraph.history.baseline import Baseline
from steadygraph.model.run import RunReport, counted


@dataclass(frozen=True, slots=True)
class Ratchet:
    """A baseline that a run is seen through, and whether it is to be brought up to date."""

    file: Path
    known: Baseline
    update: bool
    lock: bool
    #: Do all rules run?  Nothing is known of what others would find.
    all_rules: bool

    def applied(self, report: RunReport) -> RunReport:
        """The report as the baseline has it; the file is written first if that was asked for."""
        if not self.update:
            return baseline.applied(self.known, report, all_rules=self.all_rules)
        if report.interrupted:
            streams.remark(f"warning: interrupted: {self.file} is left as it was")
            return report
        accepted = baseline.updated(self.known, report, lock_too=True if self.lock else None, all_rules=self.all_rules)
        try:
            write(self.file, baseline.written(accepted))
        except OSError as error:
            problem = f"cannot write the baseline {self.file}: {error.strerror}"
            raise UsageError(problem, hint="free some space, or choose another path with --baseline") from error
        streams.remark(_told(self.file, self.known, accepted))
        return baseline.applied(accepted, report, all_rules=self.all_rules)


def opened(
    file: str | None, *, update: bool, lock: bool, all_rules: bool, environment: Mapping[str, str] = os.environ
) -> Ratchet | None:
    """The baseline that the options ask for; None if they ask for none.

    Raises:
        UsageError: The options contradict each other, the file is no baseline, or it would be written in CI.
    """
    if lock and not update:
        raise UsageError("--lock writes to the baseline", hint="give --update-baseline too; later runs compare anyway")
    if file is None:
        if update:
            raise UsageError("--update-baseline needs a file", hint="name it: --baseline steadygraph-baseline.json")
        return None
    path = Path(file)
    if not update:
        return Ratchet(path, baseline.read(path), update=False, lock=False, all_rules=all_rules)
    if environment.get("CI", "").lower() not in ("", "0", "false"):
        raise UsageError(
            f"the baseline {path} is not updated in CI (the environment sets CI)",
            hint="run with --update-baseline on your own machine, review the file and commit it",
        )
    require_writable(path)
    known = baseline.read(path) if path.exists() else Baseline()
    return Ratchet(path, known, update=True, lock=lock, all_rules=all_rules)


def _told(file: Path, before: Baseline, now: Baseline) -> str:
    """``steadygraph-baseline.json accepts 4 findings (2 more, 1 fewer)``."""
    old, new = ({(t, f) for t, c in each.cases.items() for f in c.findings} for each in (before, now))
    locked = sum(case.lock is not None for case in now.cases.values())
    more = f", and locks {counted(locked, 'case')}" if locked else ""
    return f"{file} accepts {counted(len(new), 'finding')} ({len(new - old)} more, {len(old - new)} fewer){more}"
