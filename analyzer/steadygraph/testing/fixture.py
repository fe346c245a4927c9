"""The fixture ``steadygraph``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from steadygraph.case.case import Case
from steadygraph.model.budget import Budget
from steadygraph.report.shown import Report
from steadygraph.testing import stability
from steadygraph.testing.quiet import trace_log_kept_apart
from steadygraph.testing.session import Session
from steadygraph.testing.stability import Check

if TYPE_CHECKING:
    from torch import nn


class Steadygraph:
    """Analyses cases inside of a test; what it finds is part of the session's report."""

    def __init__(self, item: pytest.Item, session: Session) -> None:
        self._item = item
        self._session = session

    def __call__(
        self,
        model: nn.Module | Callable[..., Any],
        *,
        profile: object,
        policy: str | Iterable[str] | None = None,
        allow: Iterable[str] = (),
        fail_on: str | None = None,
        compile: Mapping[str, Any] | None = None,
        **serving: object,
    ) -> None:
        """Fail the test where a graph of the model's warm-up call does not fit a serving call.

        ``steadygraph(model, profile=(x,), image=(x, mask))``: calls are given as to :func:`steadygraph.check`.

        Args:
            model: A module, or a function.
            profile: The warm-up call.
            policy: As in :meth:`assert_stable`, and so are ``allow`` and ``fail_on``.
            allow: Rules whose findings are accepted.
            fail_on: From which severity on a finding counts.
            compile: Further keywords of ``torch.compile``.
            serving: The serving calls by name.

        Raises:
            UsageError: An argument means nothing; as CaseError: the model cannot be used.
        """
        from steadygraph.engine.check import case_of

        case = case_of(model, profile, serving, compile=compile)
        self.assert_stable(case, policy=policy, allow=allow, fail_on=fail_on)

    def analyze(self, case: Case | str | Path, **options: Any) -> Report:
        """``steadygraph.analyze``, in this process; what is not given is as in the session.

        A path is relative to the test's folder or to the root of the session.

        Args:
            case: A case, or a target as the command line takes it.
            options: Those of :func:`steadygraph.analyze`.

        Raises:
            SteadygraphError: As ``steadygraph.analyze`` does.
        """
        from steadygraph.engine.api import analyze

        given = case if isinstance(case, Case) else stability.located(case, self._item, self._session)
        with trace_log_kept_apart():
            report = analyze(given, **{**self._session.options.keywords, **options})
        self._session.kept(report.cases[0], self._session.name_for(self._item))
        return report

    def probe(self, case: Case | str | Path, **options: Any) -> Report:
        """Try calls that are derived from the warm-up call of a case, in this process.

        What goes wrong in them is a note, unless the case says in ``PROBES`` that such calls are made.

        Args:
            case: A case, or a target, which need have no ``serving()``.
            options: ``seconds`` and ``most`` (calls), and ``select``, ``ignore``, ``policies``, ``device``, ``gpu``.

        Raises:
            SteadygraphError: As ``steadygraph.analyze`` does.
        """
        from steadygraph.engine.api import probe

        given = case if isinstance(case, Case) else stability.located(case, self._item, self._session)
        report = probe(given, **options)
        self._session.kept(report.cases[0], self._session.name_for(self._item))
        return report

    def budget(self, case: Case | str | Path, **options: Any) -> Budget:
        """The guards of a case that are worth keeping: :meth:`analyze` with ``budget=True``.

        ``assert not steadygraph.budget(case).unprotected`` fails where no choice of guards makes a serving call right.

        Args:
            case: As of :meth:`analyze`.
            options: Those of :func:`steadygraph.analyze`.

        Raises:
            SteadygraphError: As ``steadygraph.analyze`` does.
        """
        return self.analyze(case, budget=True, **options).budget

    def assert_stable(
        self,
        case: Case | str | Path,
        *,
        policy: str | Iterable[str] | None = None,
        allow: Iterable[str] = (),
        fail_on: str | None = None,
    ) -> None:
        """Fail the test where a graph of the case does not fit one of its serving calls.

        Args:
            case: A case, or a target; a target is analysed in a process of its own.
            policy: The deployment, or several; default: those of the session.
            allow: Rules whose findings are accepted, by code, code prefix, kind or name.
            fail_on: From which severity on a finding counts; default: as in the session.

        Raises:
            UsageError: An argument means nothing; as CaseError: the case cannot be used.
        """
        stability.hold(Check(case, policy, tuple(allow), fail_on), self._item, self._session)
