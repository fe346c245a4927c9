"""Completion of a value from a fixed list."""

from __future__ import annotations

from typing import Any


def choices(*names: str) -> Any:
    """What typer calls for the values of an option that start as the user began."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names if name.startswith(incomplete)]

    return complete
