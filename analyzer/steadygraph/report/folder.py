"""A folder with a report in every format that has a file, whole or as it was before."""

from __future__ import annotations

from pathlib import Path

from steadygraph.errors import UsageError
from steadygraph.errors.files import require_folder, require_writable, write_all
from steadygraph.report.formats import FORMATS, renderer
from steadygraph.report.portable import Renderable, portable


def require(folder: Path) -> None:
    """Find out before any work is done whether reports could be written, and make the folder if it is not there.

    Raises:
        UsageError: They could not.
    """
    require_folder(folder)
    for file in files(folder).values():
        require_writable(file)


def store(report: Renderable, folder: Path) -> None:
    """Write the report in all formats.

    Raises:
        UsageError: The folder cannot be made, or a file in it not be written; then none of them is changed.
    """
    require(folder)
    # What the formats have in common is done once.
    clean = portable(report)
    texts = {file: renderer(name)(clean) for name, file in files(folder).items()}
    try:
        write_all(texts)
    except OSError as error:
        hint = f"make room, or name another directory; what is in {folder} is as it was"
        raise UsageError(f"cannot write the reports to {folder}: {error.strerror}", hint=hint) from error


def files(folder: Path) -> dict[str, Path]:
    """The files by the names of their formats."""
    return {name: folder / chosen.file for name, chosen in FORMATS.items() if chosen.file is not None}
