"""Suites by name: ours, and those that packages register under ``steadygraph.suites``; listed in a process of its own.

An entry names a function without parameters.  It returns the targets of the suite, each a text or a pair
``(target, case file)``; its module may say in ``PRELOAD`` which modules every target of the suite needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from steadygraph.errors import UsageError
from steadygraph.workers.pool import Request

GROUP = "steadygraph.suites"
#: They come with steadygraph; what they are for may be missing.
_OURS = (EntryPoint("transformers", "steadygraph.suites.transformers.listing:targets", GROUP),)
#: The library of a suite may be large.
_LIST_S = 300.0
_CODE = (
    "import json, sys; sys.path[:] = json.loads(sys.argv.pop()); "
    "from steadygraph.sweep.installed import tell; tell(sys.argv[1], sys.argv[2])"
)
_MARK = "steadygraph suite: "


@dataclass(frozen=True, slots=True)
class InstalledSuite:
    requests: tuple[Request, ...]
    preload: tuple[str, ...]


def names() -> tuple[str, ...]:
    return tuple(sorted(_entries()))


def loaded(name: str) -> InstalledSuite:
    """The targets of a suite.

    Raises:
        UsageError: Its function raised, took too long, or returned something else.
    """
    entry = _entries()[name]
    command = [sys.executable, "-P", "-c", _CODE, entry.name, entry.value, json.dumps(sys.path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIST_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        problem = f"the suite {name} ({entry.value}) did not list its targets within {_LIST_S:g} s"
        raise UsageError(problem, hint="look for what it waits for") from None
    said = next((line[len(_MARK) :] for line in done.stdout.splitlines() if line.startswith(_MARK)), None)
    if said is None:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        hint = "install what the suite is for, or update the package that it comes from"
        raise UsageError(f"the suite {name} ({entry.value}) cannot be listed: {last}", hint=hint)
    value = json.loads(said)
    requests = tuple(Request(target, None if file is None else Path(file)) for target, file in value["targets"])
    return InstalledSuite(requests, tuple(value["preload"]))


def tell(name: str, value: str) -> None:
    """List a suite on standard output: what the process does that :func:`loaded` starts."""
    entry = EntryPoint(name, value, GROUP)
    function: Callable[[], Iterable[Any]] = entry.load()
    listed = [_pair(each) for each in function()]
    preload = list(getattr(sys.modules[entry.module], "PRELOAD", ()))
    print(_MARK + json.dumps({"targets": listed, "preload": preload}))


def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in (*entry_points(group=GROUP), *_OURS)}


def _pair(each: Any) -> tuple[str, str | None]:
    if isinstance(each, str):
        return each, None
    target, file = each
    return str(target), None if file is None else str(file)
