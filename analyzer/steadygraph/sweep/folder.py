"""The folder of a sweep: ``sweep.json`` says what it is, ``reports/`` and ``ran/`` have a file for each target.

A target is done when its file in ``ran/`` is there and fits its report: both are written whole, the report first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from steadygraph.errors import UsageError
from steadygraph.errors.files import require_folder, require_writable, write, write_all
from steadygraph.model import CaseReport, Status
from steadygraph.model.environment import version
from steadygraph.model.run import EXIT_INTERNAL, FailOn, RunReport
from steadygraph.report.json import codec, files, values
from steadygraph.report.portable import portable, scrubbed
from steadygraph.sweep.entry import Entry, entry

SWEEP_VERSION: Literal[1] = 1
_MANIFEST, _REPORTS, _RAN = "sweep.json", "reports", "ran"
_READ = "name a directory that steadygraph sweep wrote"
_ROOM = "make room, and go on with --resume: what was finished is kept"
#: Bytes of a file's name that are the target's own text.
_LONGEST = 120

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a sweep is, and was made with.

    Args:
        suites: As they were written.
        options: Those that make another result, by name.
        targets: All of its suites, also those of other shards.
        shard: ``1/1``: all of them.
        started: ISO 8601, UTC.
        environment: Versions and platform.
    """

    suites: tuple[str, ...]
    options: dict[str, str]
    targets: tuple[str, ...]
    shard: str
    started: str
    environment: dict[str, str]
    tool_version: str = field(default_factory=lambda: version("steadygraph"))
    sweep_version: int = SWEEP_VERSION

    @property
    def part(self) -> tuple[str, ...]:
        """The targets of this shard."""
        number, _, of = self.shard.partition("/")
        return self.targets[int(number) - 1 :: int(of)]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep that was read: what it is, and what became of its targets, sorted as they were asked for."""

    folder: Path
    manifest: Manifest
    entries: tuple[Entry, ...]

    @property
    def missing(self) -> tuple[str, ...]:
        """Targets that have no entry."""
        known = {each.target for each in self.entries}
        return tuple(target for target in self.manifest.part if target not in known)

    def report(self, one: Entry) -> RunReport:
        return codec.read(self.folder / _REPORTS / one.report)


def shown(target: str) -> str:
    """How reports call a target: nothing in it belongs to one machine."""
    return scrubbed(CaseReport(target, Status.COMPLETED, 0.0)).target


def is_sweep(folder: Path) -> bool:
    return (folder / _MANIFEST).exists()


def begin(folder: Path, manifest: Manifest) -> None:
    """Make the folder, and say in it what it is.

    Raises:
        UsageError: It cannot be written to.
    """
    for each in (folder, folder / _REPORTS, folder / _RAN):
        require_folder(each)
    require_writable(folder / _MANIFEST)
    try:
        write(folder / _MANIFEST, _written(Manifest, scrubbed(manifest)))
    except OSError as error:
        raise UsageError(f"cannot write {folder / _MANIFEST}: {error.strerror}", hint="make room") from error


def keep(
    folder: Path,
    report: CaseReport,
    *,
    peak_bytes: int | None,
    environment: Mapping[str, str],
    fail_on: FailOn = "warning",
) -> Entry:
    """Write the report of a target, and then its entry.

    Raises:
        UsageError: There is no room; nothing that was there before is lost.
    """
    clean = portable(RunReport((report,), environment=environment, fail_on=fail_on))
    text = codec.to_json(clean)
    name = f"{_slug(clean.report.cases[0].target)}.json"
    digest = hashlib.sha256(text.encode("ascii")).hexdigest()
    kept = entry(
        clean.report.cases[0], file=name, digest=digest, peak_bytes=peak_bytes, environment=clean.report.environment
    )
    store(folder, kept, text)
    return kept


def store(folder: Path, kept: Entry, text: str) -> None:
    """Write a report, and then its entry, both whole or not at all.

    Raises:
        UsageError: There is no room.
    """
    try:
        write_all({folder / _REPORTS / kept.report: text, folder / _RAN / kept.report: _written(Entry, kept)})
    except OSError as error:
        problem = f"cannot write the report of {kept.target} to {folder}: {error.strerror}"
        raise UsageError(problem, hint=_ROOM) from error


def text_of(folder: Path, kept: Entry) -> str:
    """The report of an entry as it was written.

    Raises:
        UsageError: It is not there, or another one.
    """
    file = folder / _REPORTS / kept.report
    text = files.read(file, str, _READ)
    if not _fits(text, kept):
        raise UsageError(f"{file} is not the report that its entry was made of", hint="sweep that target again")
    return text


def read(folder: Path) -> Sweep:
    """A sweep, and the targets that are done.

    Raises:
        UsageError: The folder is none, or of another version.
    """
    manifest = _manifest(folder)
    order = {target: number for number, target in enumerate(manifest.targets)}
    found = sorted(_entries(folder), key=lambda each: (order.get(each.target, len(order)), each.target))
    return Sweep(folder, manifest, tuple(found))


def done(folder: Path) -> Iterator[Entry]:
    """The entries of which the report is there and is the one that they were made of: what need not be done again.

    A failure of steadygraph is no result: a machine that could start no process may do so now.
    """
    for kept in _entries(folder):
        if kept.exit_code == EXIT_INTERNAL:
            continue
        try:
            text_of(folder, kept)
        except UsageError:
            continue
        yield kept


def _entries(folder: Path) -> Iterator[Entry]:
    place = folder / _RAN
    for file in sorted(place.glob("*.json")) if place.is_dir() else ():
        yield files.read(file, lambda text: _taken(Entry, text, "an entry of a sweep"), _READ)


def _manifest(folder: Path) -> Manifest:
    file = folder / _MANIFEST
    if not folder.is_dir():
        raise UsageError(f"{folder} is no directory of a sweep", hint=_READ)
    if not file.exists():
        raise UsageError(f"{folder} is no directory of a sweep: it has no {_MANIFEST}", hint=_READ)
    return files.read(file, _of_manifest, _READ)


def _of_manifest(text: str) -> Manifest:
    value = _loaded(text, "the manifest of a sweep")
    found = value.get("sweep_version") if isinstance(value, dict) else None
    if found is not None and found != SWEEP_VERSION:
        problem = f"the sweep has version {found!r:.40}, this steadygraph reads {SWEEP_VERSION}"
        raise UsageError(problem, hint="read it with the version of steadygraph that wrote it, or sweep again")
    manifest: Manifest = _taken(Manifest, text, "the manifest of a sweep")
    if not re.fullmatch(r"[1-9]\d*/[1-9]\d*", manifest.shard):
        raise UsageError(f"this JSON is not the manifest of a sweep: its shard is {manifest.shard!r:.40}", hint=_READ)
    return manifest


def _loaded(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UsageError(f"this is not {what}: it is no JSON", hint=_READ) from None


def _taken(kind: type[Value], text: str, what: str) -> Value:
    value = _loaded(text, what)
    try:
        taken: Value = values.taken(kind, value)
    except ValueError as error:
        raise UsageError(f"this JSON is not {what}: {values.complaint_of(error)}", hint=_READ) from None
    return taken


def _written(kind: type, value: object) -> str:
    return values.written(kind, value) + "\n"


def _fits(text: str, kept: Entry) -> bool:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() == kept.digest


def _slug(target: str) -> str:
    """A name for files: readable, and of this target alone."""
    digest = hashlib.sha256(target.encode("utf-8", "backslashreplace")).hexdigest()[:8]
    return f"{re.sub(r'[^A-Za-z0-9.]+', '-', target).strip('-.')[-_LONGEST:]}-{digest}"


def differing(old: Mapping[str, str], new: Mapping[str, str]) -> Iterable[tuple[str, str, str]]:
    """(name, old, new) of what is not the same in two sets of options or versions."""
    for name in sorted({*old, *new}):
        if old.get(name, "none") != new.get(name, "none"):
            yield name, old.get(name, "none"), new.get(name, "none")
