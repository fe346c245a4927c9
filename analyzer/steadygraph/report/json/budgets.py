"""The guards worth keeping as a file of their own: what a deployment reads, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from steadygraph.errors import UsageError
from steadygraph.model.budget import Budget
from steadygraph.report.json import files, values
from steadygraph.report.portable import scrubbed

BUDGET_VERSION: Literal[1] = 1
_HINT = "give a file that steadygraph budget -o wrote"


@dataclasses.dataclass(frozen=True, slots=True)
class TargetBudget:
    """The budget of one target."""

    target: str
    budget: Budget


@dataclasses.dataclass(frozen=True, slots=True)
class BudgetFile:
    """What is in the file.

    Args:
        budget_version: Of this format.
        tool_version: Version of steadygraph that found the guards.
        environment: Versions and platform on which they were found.
        budgets: One for each target; a filter keeps the guards of all.
    """

    budget_version: Literal[1]
    tool_version: str
    environment: dict[str, str]
    budgets: tuple[TargetBudget, ...]


def to_json(
    budgets: Mapping[str, Budget], *, tool_version: str, environment: Mapping[str, str], root: Path | None = None
) -> str:
    """Budgets by target as JSON: ASCII text that ends in a newline."""
    found = tuple(TargetBudget(target, budget) for target, budget in budgets.items())
    file = scrubbed(BudgetFile(BUDGET_VERSION, tool_version, dict(environment), found), root)
    return values.written(BudgetFile, file) + "\n"


def from_json(text: str) -> BudgetFile:
    """What :func:`to_json` wrote.

    Raises:
        UsageError: The text is no JSON, no budget of steadygraph, or of another version of the format.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the budget is not JSON: {error}", hint=_HINT) from None
    if not isinstance(value, dict) or "budget_version" not in value:
        raise UsageError("this JSON is not a budget of steadygraph: it has no budget_version", hint=_HINT)
    if value["budget_version"] != BUDGET_VERSION:
        raise UsageError(
            f"the budget has version {value['budget_version']!r:.40}, this steadygraph reads {BUDGET_VERSION}",
            hint="read it with the version of steadygraph that wrote it, or make it anew",
        )
    try:
        file: BudgetFile = values.taken(BudgetFile, value)
    except ValidationError as error:
        problem = f"this JSON is not a budget of steadygraph: {values.complaint(error)}"
        raise UsageError(problem, hint=_HINT) from None
    return file


def read(file: Path) -> BudgetFile:
    """The budgets in a file.

    Raises:
        UsageError: It cannot be read, is no text, or :func:`from_json` cannot make budgets of it.
    """
    return files.read(file, from_json, _HINT)
