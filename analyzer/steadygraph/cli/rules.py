"""``steadygraph rules``."""

from __future__ import annotations

import shutil
import sys
from typing import Annotated

import typer

from steadygraph.cli import streams


def rules(
    code: Annotated[
        str | None,
        typer.Argument(
            metavar="[CODE]",
            help="Explain this one, by code or name, or list those of a code prefix or kind; without it, list all.",
        ),
    ] = None,
) -> int:
    """List the rules, or explain one."""
    from steadygraph.rule.packs import is_named, load_packs, matching
    from steadygraph.rule.text import WIDTH, explain, listing

    packs = load_packs()
    for problem in packs.problems:
        streams.remark(f"warning: {problem}")
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    if code is None:
        streams.emit(listing(packs.rules, columns))
        return 0
    found = matching(packs.rules, code)
    # "graph-break" is the name of a rule and the kind of others.
    found = tuple(rule for rule in found if is_named(code, rule)) or found
    streams.emit(explain(found[0], columns or WIDTH) if len(found) == 1 else listing(found, columns))
    return 0
