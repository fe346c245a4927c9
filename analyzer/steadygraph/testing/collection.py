"""Case files as pytest sees them: a file, and in it a test for each scenario and policy."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steadygraph.model import Status
from steadygraph.testing import failure_text
from steadygraph.testing.outline import outlined
from steadygraph.testing.session import Session
from steadygraph.testing.verdict import Subject, judged, subjects


class UnstableError(Exception):
    """A scenario does not hold; the text is what the user sees."""


class CaseFile(pytest.File):
    """A case file.  It is read in a process of its own: it is the user's code, and imports torch."""

    def __init__(self, *, session_of: Session, **keywords: Any) -> None:
        # pytest has no name for a file outside of the root that is named by itself.
        nodeid = Path(os.path.relpath(keywords["path"], session_of.options.root)).as_posix()
        super().__init__(**{**keywords, "nodeid": nodeid})
        self.session_of = session_of
        self.target = session_of.name_of(self.path)

    def collect(self) -> Iterator[pytest.Item]:
        outline = self.session_of.isolated(str(self.path), analyze=outlined)
        if outline.status is not Status.COMPLETED:
            problem = self.session_of.kept(outline, self.target).error
            assert problem is not None
            raise self.CollectError(
                problem.message + (f"\n  hint: {failure_text.for_pytest(problem.hint)}" if problem.hint else "")
            )
        for subject in subjects(outline):
            # As text: pytest 9.2 finds the brackets in it, where it would take a name of ours as a whole, and then
            # not know the test again that failed before.
            nodeid = f"{self.nodeid}::{subject.name}"
            yield CaseItem.from_parent(self, name=subject.name, nodeid=nodeid, subject=subject)


class CaseItem(pytest.Item):
    """One scenario under one policy."""

    parent: CaseFile

    def __init__(self, *, subject: Subject, **keywords: Any) -> None:
        super().__init__(**keywords)
        self.subject = subject
        if self.config.pluginmanager.hasplugin("xdist"):
            # One case's items go to one worker where xdist is asked to keep groups together.
            self.add_marker(pytest.mark.xdist_group(self.parent.target))

    def runtest(self) -> None:
        session = self.parent.session_of
        case = session.accepted(session.analyzed(str(self.path), self.parent.target))
        if case.status is not Status.COMPLETED and self is not self._first:
            pytest.skip(f"the case has failed, as {self._first.name} says")
        verdict = judged(case, self.subject, session.options.fail_on)
        outcome = verdict.outcome
        self.user_properties += [
            ("steadygraph.case.target", case.target),
            ("steadygraph.scenario", self.subject.scenario),
            ("steadygraph.policy", self.subject.policy),
            ("steadygraph.backend", self.subject.backend),
            ("steadygraph.result", str(case.status if outcome is None else outcome.result)),
            ("steadygraph.findings", " ".join(sorted({finding.rule for finding in verdict.findings}))),
        ]
        if verdict.fails:
            raise UnstableError(failure_text.text(verdict, report=session.options.report))

    @property
    def _first(self) -> CaseItem:
        """The test that fails for all of its case where that has no result: one error is one failure."""
        return next(item for item in self.session.items if isinstance(item, CaseItem) and item.path == self.path)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, UnstableError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        # Not the end of the node id: pytest takes that for dotted names, and shows ``case_a.py`` as ``case_a::py``.
        return self.path, None, f"{self.name} of {self.parent.target}"
