"""What a suite names: globs of case files, directories, modules, single targets, and suites that are installed."""

from __future__ import annotations

import glob
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from steadygraph.case.folders import case_files
from steadygraph.case.importing import search_path
from steadygraph.case.target import parse
from steadygraph.errors import CaseError, UsageError
from steadygraph.errors.near_miss import question
from steadygraph.sweep import installed
from steadygraph.workers.pool import Request

_WILD = frozenset("*?[")
_FORMS = "a suite is a glob of case files, a directory, a module, a target, or the name of an installed suite"


@dataclass(frozen=True, slots=True)
class Suites:
    """All targets of some suites, each once, in their order.

    Args:
        requests: The targets.
        preload: Modules that are imported once for all of them.
    """

    requests: tuple[Request, ...]
    preload: tuple[str, ...] = ()


def resolved(texts: Sequence[str]) -> Suites:
    """The targets of suites as they were written.

    Raises:
        UsageError: One of them names nothing; the hint has what may be meant.
    """
    found: dict[str, Request] = {}
    preload: dict[str, None] = {}
    names = installed.names()
    for text in texts:
        if text in names:
            suite = installed.loaded(text)
            preload |= dict.fromkeys(suite.preload)
            requests = list(suite.requests)
        else:
            requests = [Request(target) for target in _targets(text, names)]
        for request in requests:
            found.setdefault(os.path.normpath(request.target), request)
    return Suites(tuple(found.values()), tuple(preload))


def _targets(text: str, names: Sequence[str]) -> list[str]:
    if _WILD & set(text):
        return _of_glob(text)
    if text.endswith(".py") or os.sep in text or ":" in text or os.path.isdir(text):
        targets = (case_files(text) if os.path.isdir(text) else []) or [text]
        for target in targets:
            parse(target)  # says what is wrong with it
        return targets
    return _of_module(text, names)


def _of_glob(pattern: str) -> list[str]:
    found = sorted(glob.glob(pattern, recursive=True), key=lambda file: Path(file).parts)
    files = [target for each in found for target in _files(each)]
    if not files:
        raise UsageError(f"no case file matches {pattern!r}", hint=_near(pattern))
    return files


def _files(place: str) -> list[str]:
    if os.path.isdir(place):
        return case_files(place)
    return [place] if place.endswith(".py") else []


def _near(pattern: str) -> str:
    """What there is instead, in the folder that the pattern begins with."""
    folder = os.path.dirname(pattern)
    while _WILD & set(folder):
        folder = os.path.dirname(folder)
    if folder and not os.path.isdir(folder):
        return f"there is no directory {folder}"
    files = sorted(name for name in os.listdir(folder or ".") if name.endswith(".py"))
    shown = ", ".join(files[:3]) + (", ..." if len(files) > 3 else "")
    return f"{folder or 'this directory'} has {shown}" if files else "quote it, so that the shell leaves it alone"


def _of_module(name: str, names: Sequence[str]) -> list[str]:
    """The module itself, or the case files of a package; nothing is imported but what it lies in."""
    try:
        with search_path([str(Path.cwd())]):
            spec = importlib.util.find_spec(name) if _is_dotted(name) else None
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise UsageError(f"there is no suite {name!r}", hint=question(name, _known(names)) or _FORMS)
    folders = spec.submodule_search_locations
    if folders is None:
        return [name]
    files = [os.path.relpath(file) for folder in folders for file in case_files(folder)]
    if not files:
        raise CaseError(f"the package {name} has no case_*.py in it", hint=_FORMS)
    return files


def _is_dotted(name: str) -> bool:
    return all(part.isidentifier() for part in name.split("."))


def _known(names: Sequence[str]) -> Iterator[str]:
    yield from names
    yield from (name for name in sorted(os.listdir(".")) if name.endswith(".py") or os.path.isdir(name))
    yield from (name for name in sys.modules if "." not in name and not name.startswith("_"))
