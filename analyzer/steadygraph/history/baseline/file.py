"""A baseline as a file: JSON that is sorted, so that a review sees what was accepted and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from steadygraph.case.user_code import readable_path
from steadygraph.errors import UsageError, reading
from steadygraph.history.baseline.accepted import Accepted, Baseline, CaseBaseline, LockedCall, LockedGraph, Made

SCHEMA_VERSION = 1
_TOOL = "steadygraph"
_HINT = "name a file that was written with --update-baseline, or write a new one to another path"


def written(baseline: Baseline) -> str:
    """The text of the file: ASCII, keys and findings sorted, so that two runs of one state give one text."""
    cases = {}
    for target, case in sorted(baseline.cases.items()):
        cases[target] = {
            "made_with": asdict(case.made),
            "findings": [asdict(finding) for finding in sorted(case.findings)],
        }
        if case.lock is not None:
            cases[target]["lock"] = {name: [asdict(call) for call in calls] for name, calls in case.lock.items()}
    document = {"schema_version": SCHEMA_VERSION, "tool": _TOOL, "cases": cases}
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def read(file: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        UsageError: The file is not there, or no baseline of this steadygraph.
    """
    shown = readable_path(str(file))
    try:
        text = reading.content(file).decode()
    except FileNotFoundError:
        raise UsageError(f"there is no baseline {shown}", hint="create it with --update-baseline") from None
    except OSError as error:
        raise UsageError(f"the baseline {shown} cannot be read: {error.strerror}", hint=_HINT) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"the baseline {shown} is not text in UTF-8", hint=_HINT) from error
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the baseline {shown} is not JSON: {error}", hint=_HINT) from None
    try:
        return _baseline(document)
    except _MalformedError as error:
        raise UsageError(f"{shown} is no baseline of steadygraph: {error}", hint=_HINT) from None


class _MalformedError(Exception):
    """Says in what way."""


def _baseline(document: Any) -> Baseline:
    if not isinstance(document, dict) or document.get("tool") != _TOOL:
        tool = document.get("tool") if isinstance(document, dict) else None
        named = tool.get("name") if isinstance(tool, dict) else tool
        raise _MalformedError("it names no tool" if named is None else f"its tool is {named!r}")
    version = document.get("schema_version")
    if version != SCHEMA_VERSION:
        raise _MalformedError(f"it has schema version {version!r}, this steadygraph reads {SCHEMA_VERSION}")
    cases = _mapping(document, "cases", "")
    return Baseline({target: _case(case, f"cases[{target!r}]") for target, case in cases.items()})


def _case(value: Any, place: str) -> CaseBaseline:
    made = _mapping(value, "made_with", place)
    lock = None
    if "lock" in value:
        lock = {name: _calls(value["lock"], name, f"{place}.lock") for name in _mapping(value, "lock", place)}
    return CaseBaseline(
        made=Made(
            steadygraph=_text(made, "steadygraph", place),
            torch=_text(made, "torch", place),
            python=_text(made, "python", place),
            policies=tuple(_list(made, "policies", place)),
            backends=tuple(_list(made, "backends", place)),
        ),
        findings=tuple(
            _accepted(one, f"{place}.findings[{i}]") for i, one in enumerate(_list(value, "findings", place))
        ),
        lock=lock,
    )


def _accepted(value: Any, place: str) -> Accepted:
    names = ("scenario", "rule", "fingerprint", "name", "severity", "message")
    return Accepted(*(_text(value, name, place) for name in names))


def _calls(value: Any, name: str, place: str) -> tuple[LockedCall, ...]:
    return tuple(_call(call, f"{place}[{name!r}]") for call in _list(value, name, place))


def _call(value: Any, place: str) -> LockedCall:
    return LockedCall(
        region=_text(value, "region", place),
        guards=_text(value, "guards", place),
        guard_types=dict(_mapping(value, "guard_types", place)),
        graphs=tuple(
            LockedGraph(_text(graph, "graph", place), _text(graph, "lines", place))
            for graph in _list(value, "graphs", place)
        ),
    )


def _text(value: Any, key: str, place: str) -> str:
    found = _field(value, key, place)
    if not isinstance(found, str):
        raise _MalformedError(f"{place}.{key} is {found!r:.40}, which is no text")
    return found


def _list(value: Any, key: str, place: str) -> list[Any]:
    found = _field(value, key, place)
    if not isinstance(found, list):
        raise _MalformedError(f"{place}.{key} is {found!r:.40}, which is no list")
    return found


def _mapping(value: Any, key: str, place: str) -> Mapping[str, Any]:
    found = _field(value, key, place)
    if not isinstance(found, dict):
        raise _MalformedError(f"{f'{place}.{key}'.lstrip('.')} is {found!r:.40}, which is no object")
    return found


def _field(value: Any, key: str, place: str) -> Any:
    if not isinstance(value, dict) or key not in value:
        raise _MalformedError(f"{place or 'it'} has no {key!r}")
    return value[key]
