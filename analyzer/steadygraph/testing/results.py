"""What a test session has found out: one report for each case."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from steadygraph.model import CaseReport, Status
from steadygraph.model.run import RunReport


class Results:
    """Reports by target.  Workers of xdist send theirs as text, which says the same wherever it is read."""

    def __init__(self) -> None:
        self._cases: dict[str, CaseReport] = {}

    def get(self, target: str) -> CaseReport | None:
        return self._cases.get(target)

    def put(self, case: CaseReport) -> None:
        """Keep a report; two workers may have analysed one case, and a result counts more than none."""
        known = self._cases.get(case.target)
        if known is None or known.status is not Status.COMPLETED:
            self._cases[case.target] = case

    def replace(self, case: CaseReport) -> None:
        """Another report of a case that is there."""
        self._cases[case.target] = case

    def free(self, name: str) -> str:
        """The name, numbered if it is taken: a test may look at several cases."""
        numbered = (f"{name} #{number}" for number in itertools.count(2))
        return next(each for each in itertools.chain([name], numbered) if each not in self._cases)

    def cases(self) -> Sequence[CaseReport]:
        """All of them, by target: the same whatever the order of the tests was."""
        return [self._cases[target] for target in sorted(self._cases)]

    def given(self) -> str:
        """All of it as text."""
        if not self._cases:
            return ""
        from steadygraph.report.json.codec import to_json

        return to_json(RunReport(tuple(self.cases()), environment={}))

    def take_in(self, text: str) -> None:
        """Add what another process gave."""
        from steadygraph.report.json.codec import from_json

        for case in from_json(text).cases:
            self.put(case)
