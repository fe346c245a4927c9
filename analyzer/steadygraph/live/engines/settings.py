"""What the environment says about watching an engine; without ``STEADYGRAPH_WATCH`` nothing is watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from steadygraph.errors import UsageError
from steadygraph.live import EVERY, STRUCTURES

#: The environment variable that names the directory of reports.
DIRECTORY = "STEADYGRAPH_WATCH"
_RANKINGS = ("static", "prove")


@dataclass(frozen=True, slots=True)
class Settings:
    """How an engine is watched.

    Args:
        directory: For the reports of all its processes.
        every: All dropped guards are asked at every so many calls of a model; those of the arguments at each.
        structures: So many distinct structures are looked at for each model.
        proves: Have Dynamo trace, once for each structure, what it would have needed.
    """

    directory: Path
    every: int = EVERY
    structures: int = STRUCTURES
    proves: bool = False


def settings(environment: Mapping[str, str]) -> Settings | None:
    """The settings; None: nothing is to be watched.

    Raises:
        UsageError: A value means nothing.
    """
    directory = environment.get(DIRECTORY, "")
    if not directory:
        return None
    ranking = environment.get(f"{DIRECTORY}_RANK", "") or _RANKINGS[0]
    if ranking not in _RANKINGS:
        raise UsageError(f"{DIRECTORY}_RANK is '{ranking}'", hint=f"write {' or '.join(_RANKINGS)}")
    return Settings(
        directory=Path(directory),
        every=_number(environment, f"{DIRECTORY}_EVERY", EVERY),
        structures=_number(environment, f"{DIRECTORY}_STRUCTURES", STRUCTURES),
        proves=ranking == "prove",
    )


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal() and int(text) > 0):
        raise UsageError(f"{name} is '{text}'", hint="write how many, 1 or more")
    return int(text)
