"""``guard_filter``: a deployment keeps the guards of a budget, and pays for no others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from steadygraph.observe.guards.budget_filter import BudgetFilter


def guard_filter(budget: str | Path, on_missing: Literal["warn", "raise", "keep_all"] = "warn") -> BudgetFilter:
    """What keeps the guards of a budget, for ``torch.compile(model, options={"guard_filter_fn": ...})``.

    A guard is found again by its source, its type and the line that made it, in any process and whatever the order of
    guards is.  What happens where one is violated is torch's affair: it compiles again, or does what the stance of
    ``torch.compiler.set_stance`` says.

    Args:
        budget: A file that ``steadygraph budget -o`` wrote; the guards of all its targets are kept.
        on_missing: What is done where the model has changed since, and a guard of the budget, or a compiled function
            that it knows, is not there: ``warn``, ``raise`` a UsageError from the compilation, or ``keep_all`` guards
            of that function, and warn.

    Raises:
        UsageError: The file cannot be read, is no budget, or ``on_missing`` is none of the three.
    """
    from steadygraph.case.user_code import readable_path
    from steadygraph.errors import UsageError
    from steadygraph.errors.near_miss import question_or_list
    from steadygraph.observe.guards.budget_filter import ON_MISSING, BudgetFilter
    from steadygraph.report.json import budgets

    if on_missing not in ON_MISSING:
        hint = question_or_list(str(on_missing), ON_MISSING, "the choices")
        raise UsageError(f"on_missing is {on_missing!r}", hint=hint)
    found = [each.budget for each in budgets.read(Path(budget)).budgets]
    kept = [guard for each in found for guard in each.kept]
    frames = [frame for each in found for frame in each.frames]
    whole = [frame for each in found for frame in each.whole]
    return BudgetFilter(kept, frames, whole, on_missing=on_missing, label=readable_path(str(budget)))
