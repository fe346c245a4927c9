"""``steadygraph rules``."""

from __future__ import annotations

from typing import Annotated

import typer

from steadygraph.cli import streams


def rules(
    code: Annotated[
        str | None, typer.Argument(metavar="[CODE]", help="Explain this one, by code or name; without it, list all.")
    ] = None,
) -> int:
    """List the rules, or explain one."""
    from steadygraph.rule_loading import explain, listing, load_packs, matching

    packs = load_packs()
    for problem in packs.problems:
        streams.remark(f"warning: rules of {problem.pack} are left out: {problem.problem}")
    if code is None:
        streams.emit(listing(packs.rules))
        return 0
    found = matching(packs.rules, code)
    streams.emit(explain(found[0]) if len(found) == 1 else listing(found))
    return 0
