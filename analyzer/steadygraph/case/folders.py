"""Case files of a directory: the same that pytest finds in it without any setting."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from steadygraph.errors import CaseError

#: What a case file is called, where nobody names it.
PATTERN = "case_*.py"


def case_files(folder: str) -> list[str]:
    """Those in it and below it, sorted; links to directories are not followed.

    Args:
        folder: The directory.

    Raises:
        CaseError: It, or a directory in it, cannot be read.
    """
    return sorted(_found(folder), key=lambda file: Path(file).parts)


def _found(folder: str) -> Iterator[str]:
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = [name for name in folders if not _is_passed_over(place, name)]
        yield from (os.path.normpath(os.path.join(place, file)) for file in files if fnmatchcase(file, PATTERN))


def _is_passed_over(place: str, name: str) -> bool:
    """What tools keep for themselves, and environments: nobody's cases are in there."""
    return name.startswith(".") or name == "__pycache__" or os.path.exists(os.path.join(place, name, "pyvenv.cfg"))


def _unreadable(error: OSError) -> None:
    raise CaseError(
        f"{error.filename} cannot be read: {error.strerror}", hint="check its permissions, or name case files"
    ) from error
