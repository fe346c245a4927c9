"""The marker ``graph_stable(case, policy=..., allow=[...], fail_on=...)``."""

from __future__ import annotations

from dataclasses import fields

import pytest

from steadygraph.errors import SteadygraphError
from steadygraph.errors.near_miss import question_or_list
from steadygraph.testing import stability
from steadygraph.testing.session import Session
from steadygraph.testing.stability import Check

_KEYWORDS = tuple(field.name for field in fields(Check))


def check(mark: pytest.Mark, item: pytest.Item) -> Check:
    """What the marker asks for; anything else is the test's error."""
    unknown = next((name for name in mark.kwargs if name not in _KEYWORDS), None)
    if unknown is not None:
        hint = question_or_list(unknown, _KEYWORDS, "the keywords")
        _wrong(item, f"graph_stable has no keyword {unknown!r}", hint)
    if len(mark.args) > 1:
        _wrong(item, "graph_stable takes one case", "name the others: graph_stable(case, policy='drop')")
    if not mark.args and "case" not in mark.kwargs:
        _wrong(item, "graph_stable names no case", "write graph_stable('case.py') or graph_stable(case=...)")
    if mark.args and "case" in mark.kwargs:
        _wrong(item, "graph_stable names two cases", "give one: graph_stable('case.py')")
    try:
        return Check(*mark.args, **mark.kwargs)
    except SteadygraphError as error:
        raise pytest.fail.Exception(f"{item.name}: {error}", pytrace=False) from None


def hold(mark: pytest.Mark, item: pytest.Item, session: Session) -> None:
    """Fail the test where the case of its marker does not hold."""
    try:
        stability.hold(check(mark, item), item, session)
    except SteadygraphError as error:
        raise pytest.fail.Exception(f"{item.name}: {error}", pytrace=False) from None


def _wrong(item: pytest.Item, problem: str, hint: str) -> None:
    pytest.fail(f"{item.name}: {problem}\n  hint: {hint}", pytrace=False)
