"""The reports of ranks in a directory: which rank each is of, and which are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from steadygraph.errors import UsageError
from steadygraph.model.run import RunReport
from steadygraph.report.json import codec

_RANK = re.compile(r"(?:^|[^A-Za-z])rank[-_]?(\d{1,6})(?![0-9])", re.IGNORECASE)
_FORMS = "a report of rank 0 is DIR/rank0/report.json or DIR/rank0.json"


@dataclass(frozen=True, slots=True)
class RankReports:
    """Reports by rank.

    Args:
        reports: At least two.
        world_size: How many there should be; None: nobody says.
    """

    reports: Mapping[int, RunReport]
    world_size: int | None = None

    @property
    def missing(self) -> tuple[int, ...]:
        """Ranks that have no report."""
        most = max(self.reports) + 1 if self.world_size is None else self.world_size
        return tuple(rank for rank in range(most) if rank not in self.reports)


def read(folder: Path, world_size: int | None = None) -> RankReports:
    """The reports of ranks that lie in a folder, or each in a folder of its own in it.

    Args:
        folder: Files and folders in it are called by their rank.
        world_size: How many ranks there are; None: what the reports say, where torchrun or an engine has said it.

    Raises:
        UsageError: There are fewer than two, two of one rank, or one that cannot be read or is of no such rank.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a directory", hint=_FORMS)
    files: dict[int, Path] = {}
    for rank, file in _found(folder):
        if rank in files:
            raise UsageError(f"{files[rank]} and {file} are both of rank {rank}", hint="keep one of them")
        files[rank] = file
    if not files:
        raise UsageError(f"{folder} has no report of a rank", hint=_FORMS)
    if len(files) == 1:
        raise UsageError(f"{folder} has the report of rank {next(iter(files))} alone", hint="nothing can be compared")
    reports = {rank: codec.read(files[rank]) for rank in sorted(files)}
    size = world_size or _world_size(reports)
    if size is not None and max(files) >= size:
        raise UsageError(f"{files[max(files)]} is of rank {max(files)}, and there are {size}", hint="check the number")
    return RankReports(reports, size)


def _found(folder: Path) -> Iterator[tuple[int, Path]]:
    for place in sorted(folder.iterdir()):
        found = _RANK.search(place.stem if place.suffix == ".json" else place.name)
        file = place / "report.json" if place.is_dir() else place
        if found is not None and file.suffix == ".json" and file.is_file():
            yield int(found[1]), file


def _world_size(reports: Mapping[int, RunReport]) -> int | None:
    """What the environments of all say: under torchrun, or of the processes of an engine."""
    made_in = [report.environment for report in reports.values()]
    sizes = {one.get("world_size", one.get("ranks", "")) for one in made_in}
    said = next(iter(sizes)) if len(sizes) == 1 else ""
    return int(said) if said.isdecimal() else None
