"""What to analyse and how to judge it: options, from the command line and from ``[tool.steadygraph]``.

Both take the same names and pass through the same checks.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steadygraph.case.user_code import readable_path
from steadygraph.errors import UsageError, reading
from steadygraph.errors.near_miss import question_or_list
from steadygraph.model import Policy, gpus, size
from steadygraph.model.run import FAIL_ON
from steadygraph.report import formats

#: The deployments that can be judged.
POLICIES = tuple(Policy)
BACKENDS = ("eager", "aot_eager", "inductor")
FORMATS = tuple(formats.FORMATS)
DEFAULT_TIMEOUT_S = 600.0
#: torch alone takes a few hundred MB, of which a process counts its share.
_LEAST_MEMORY_BYTES = 64 << 20
_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Probing:
    """How calls that are derived from the profile call are tried.

    Args:
        seconds: For how long, beside what the profile call takes to be compiled.
        most: How many of them.
        write_case: A file for those that go wrong, as a case.
        journal: A folder in which each that was tried is noted, so that none is lost that came before a crash.
    """

    seconds: float = 60.0
    most: int = 1000
    write_case: str | None = None
    journal: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """What the engine needs to know.

    Args:
        policies: The deployments to judge; None: ``recompile`` and ``drop``, and ``cuda-graph``
            where the case says so.
        backends: How the policies are proved.
        select: Rules to run, by code, code prefix, kind or name; empty: all.
        ignore: Rules to leave out.
        device: Overrides the case's device.
        gpu: Which GPU is simulated; None: the case's own, or the default.
        write_repro: A file for a program that shows what torch.compile gets wrong by itself.
        probing: How calls that are derived from the profile call are tried; None: they are not.
        budget: Find the guards worth keeping, and judge a deployment that keeps these.
    """

    policies: tuple[Policy, ...] | None = None
    backends: tuple[str, ...] = ("eager",)
    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    device: str | None = None
    gpu: str | None = None
    write_repro: str | None = None
    probing: Probing | None = None
    budget: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """All options of ``steadygraph analyze`` that a configuration file may set."""

    settings: Settings = field(default_factory=Settings)
    fail_on: str = "warning"
    format: str = "text"
    timeout_s: float | None = DEFAULT_TIMEOUT_S
    #: Of each target; None: its share of what is available, 0: no limit.
    memory_limit_bytes: int | None = None
    jobs: int = 1
    baseline: str | None = None
    report: str | None = None


def options(table: Mapping[str, Any]) -> Options:
    """Options from checked values, as :func:`checked` returns them."""
    settings = Settings(
        policies=table.get("policy"),
        backends=table.get("backend", ("eager",)),
        select=table.get("select", ()),
        ignore=table.get("ignore", ()),
        device=table.get("device"),
        gpu=table.get("gpu"),
        budget=table.get("budget", False),
    )
    return Options(
        settings,
        fail_on=table.get("fail-on", "warning"),
        format=table.get("format", "text"),
        timeout_s=table.get("timeout", DEFAULT_TIMEOUT_S),
        memory_limit_bytes=table.get("memory-limit"),
        jobs=table.get("jobs", 1),
        baseline=table.get("baseline"),
        report=table.get("report"),
    )


def checked(table: Mapping[str, object]) -> dict[str, Any]:
    """Values by the names of the options, each in the form in which :class:`Options` holds it.

    Raises:
        UsageError: An unknown name, a value of another type, or one that means nothing.
    """
    values = {}
    for key, value in table.items():
        if key not in _CHECKS:
            raise UsageError(f"unknown key {key!r}", hint=question_or_list(key, _CHECKS, "keys"))
        values[key] = _CHECKS[key](key, value)
    return values


def from_file(folder: Path) -> dict[str, Any]:
    """The checked ``[tool.steadygraph]`` of the nearest ``pyproject.toml`` that has one, upward from ``folder``."""
    for directory in (folder, *folder.parents):
        table = _table(directory / "pyproject.toml")
        if table is not None:
            return table
    return {}


def policies(names: Iterable[str]) -> tuple[Policy, ...]:
    """Policies by name, each once."""
    return tuple(Policy(name) for name in _known(names, [policy.value for policy in POLICIES], "policy", "policies"))


def backends(names: Iterable[str]) -> tuple[str, ...]:
    """Back ends by name, each once."""
    return _known(names, BACKENDS, "backend", "backends")


def device(name: str) -> str:
    """The name of a device that can be analysed for."""
    if not gpus.is_device(name):
        raise UsageError(f"unknown device {name!r}", hint=gpus.DEVICE_HINT)
    return name


def gpu(name: str) -> str:
    """The name of a GPU that can be simulated."""
    gpus.named(name)
    return name


def _table(file: Path) -> dict[str, Any] | None:
    shown = readable_path(str(file))
    try:
        text = reading.content(file).decode().replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return None
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}", hint="write it as a text file") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown} is not text in UTF-8", hint="save it in that encoding") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{shown} is not TOML: {error}", hint="correct that line") from error
    tool = document.get("tool", {})
    if not isinstance(tool, dict) or "steadygraph" not in tool:
        return None
    table = tool["steadygraph"]
    if not isinstance(table, dict):
        raise UsageError(f"{shown}: tool.steadygraph is no table", hint="write its keys below [tool.steadygraph]")
    try:
        return checked(table)
    except UsageError as error:
        raise UsageError(f"{shown} [tool.steadygraph]: {error.problem}", hint=error.hint) from error


def _known(names: Iterable[str], known: Sequence[str], noun: str, plural: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(names))
    if not names:
        raise UsageError(f"no {noun} is named", hint=f"{plural} are {', '.join(known)}")
    for name in names:
        if name not in known:
            raise UsageError(f"unknown {noun} {name!r}", hint=question_or_list(name, known, plural))
    return names


def _texts(key: str, value: object) -> tuple[str, ...]:
    """One text or a list of them, each split at commas."""
    entries = value if isinstance(value, list | tuple) else [value]
    parts: list[str] = []
    for entry in entries:
        if not isinstance(entry, str):
            raise _wrong_type(key, value, "a text or a list of texts")
        parts += [part.strip() for part in entry.split(",") if part.strip()]
    return tuple(parts)


def _text(key: str, value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong_type(key, value, "a text")
    return value


def _policy(key: str, value: object) -> tuple[Policy, ...]:
    return policies(_texts(key, value))


def _backend(key: str, value: object) -> tuple[str, ...]:
    return backends(_texts(key, value))


def _flag(key: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(key, value, "true or false")
    return value


def _one_of(known: Sequence[str], plural: str) -> Callable[[str, object], str]:
    def check(key: str, value: object) -> str:
        return _known([_text(key, value)], known, key, plural)[0]

    return check


def _timeout(key: str, value: object) -> float | None:
    """Seconds; 0 means no limit."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong_type(key, value, "a number of seconds")
    if not math.isfinite(value) or value < 0:
        raise UsageError(f"{key} is {value}", hint="write a number of seconds, or 0 for no limit")
    return float(value) or None


def _memory_limit(key: str, value: object) -> int:
    """Bytes; 0 means no limit."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _wrong_type(key, value, "a size")
    found = size.parsed(str(value)) if isinstance(value, str) or value >= 0 else None
    if found is None or 0 < found < _LEAST_MEMORY_BYTES:
        least = f"no less than {size.readable(_LEAST_MEMORY_BYTES)}" if found else "or 0 for no limit"
        raise UsageError(f"{key} is {_shown(value)}", hint=f"write a size such as {size.EXAMPLE}, {least}")
    return found


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _jobs(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _wrong_type(key, value, "a whole number")
    if value < 1:
        raise UsageError(f"{key} is {value}", hint="write a number of processes, 1 or more")
    return value


def _wrong_type(key: str, value: object, wanted: str) -> UsageError:
    return UsageError(f"{key} is {value!r}, which is not {wanted}", hint=f"write {wanted}")


_CHECKS: dict[str, Callable[[str, object], Any]] = {
    "policy": _policy,
    "backend": _backend,
    "budget": _flag,
    "select": _texts,
    "ignore": _texts,
    "fail-on": _one_of(FAIL_ON, "severities"),
    "format": _one_of(FORMATS, "formats"),
    "timeout": _timeout,
    "memory-limit": _memory_limit,
    "jobs": _jobs,
    "device": lambda key, value: device(_text(key, value)),
    "gpu": lambda key, value: gpu(_text(key, value)),
    "baseline": _text,
    "report": _text,
    "cases": _texts,
}
