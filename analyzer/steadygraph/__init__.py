"""Finds what torch.compile burned in at warm-up and serving no longer satisfies, and proves what happens then.

The names below are imported when they are first used: ``import steadygraph`` alone imports no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from steadygraph.case.case import Call as Call
    from steadygraph.case.case import Case as Case
    from steadygraph.engine.api import analyze as analyze
    from steadygraph.engine.check import check as check
    from steadygraph.errors import CaseError as CaseError
    from steadygraph.errors import SteadygraphError as SteadygraphError
    from steadygraph.errors import TargetError as TargetError
    from steadygraph.errors import TorchSupportError as TorchSupportError
    from steadygraph.errors import UsageError as UsageError
    from steadygraph.live.guard_filter import guard_filter as guard_filter
    from steadygraph.live.watch import watch as watch
    from steadygraph.model import Finding as Finding
    from steadygraph.model import Kind as Kind
    from steadygraph.model import Outcome as Outcome
    from steadygraph.model import Policy as Policy
    from steadygraph.model import Result as Result
    from steadygraph.model import Severity as Severity
    from steadygraph.observe.guards.no_recompiles import no_recompiles as no_recompiles
    from steadygraph.observe.syncs.allowance import allow_sync as allow_sync
    from steadygraph.report.shown import Report as Report

    __version__: str

#: Public names and the modules that define them.
_HOMES = {
    "analyze": "engine.api",
    "Call": "case.case",
    "Case": "case.case",
    "check": "engine.check",
    "CaseError": "errors",
    "SteadygraphError": "errors",
    "TargetError": "errors",
    "TorchSupportError": "errors",
    "UsageError": "errors",
    "Finding": "model",
    "Kind": "model",
    "Outcome": "model",
    "Policy": "model",
    "Result": "model",
    "Severity": "model",
    "Report": "report.shown",
    "guard_filter": "live.guard_filter",
    "allow_sync": "observe.syncs.allowance",
    "no_recompiles": "observe.guards.no_recompiles",
    "watch": "live.watch",
}

__all__ = ["__version__", *_HOMES]  # all are strings


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from steadygraph.model.environment import version

        value: Any = version("steadygraph")
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"steadygraph.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
