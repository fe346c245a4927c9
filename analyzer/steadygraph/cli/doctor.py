"""``steadygraph doctor``."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from steadygraph.cli import streams
from steadygraph.model.run import EXIT_INTERNAL

if TYPE_CHECKING:
    from steadygraph.engine.doctor.diagnosis import Check

#: Of the longest name.
_WIDTH = 20


def doctor(
    format: Annotated[Literal["text", "json"], typer.Option("--format", help="How it is told.")] = "text",
) -> int:
    """Does steadygraph work here? What is installed, what of torch is there, and a self-test; for a bug report.

    Exit code: 0 if it does, 3 if not.
    """
    from steadygraph.engine.doctor.diagnosis import checks

    found = list(checks())
    failed = [check for check in found if not check.passed]
    streams.emit(_as_json(found) if format == "json" else f"{_as_text(found)}\n{_conclusion(failed)}\n")
    return EXIT_INTERNAL if failed else 0


def _as_text(checks: Sequence[Check]) -> str:
    return "".join(
        f"{group}\n" + "".join(map(_line, of_group)) for group, of_group in groupby(checks, lambda check: check.group)
    )


def _line(check: Check) -> str:
    head = f"{' ' if check.passed else '!'} {check.name:{_WIDTH}}  "
    return head + check.result.replace("\n", f"\n{' ' * len(head)}") + "\n"


def _conclusion(failed: Sequence[Check]) -> str:
    if not failed:
        return "steadygraph works here; paste this into a bug report"
    names = ", ".join(check.name for check in failed)
    return f"steadygraph does not work as it should here ({names}); report it, with all of this"


def _as_json(checks: Sequence[Check]) -> str:
    passed = all(check.passed for check in checks)
    return json.dumps({"passed": passed, "checks": [dataclasses.asdict(check) for check in checks]}, indent=2) + "\n"
