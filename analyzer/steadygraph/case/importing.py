"""Importing files and modules of the user, as ``python file.py`` and ``python -m module`` would."""

from __future__ import annotations

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType

from steadygraph.case.user_code import ENVIRONMENT_HINT, guarded, readable_path
from steadygraph.errors import CaseError, reading
from steadygraph.errors.near_miss import question


@contextmanager
def search_path(folders: Iterable[str]) -> Iterator[None]:
    """Put folders in front of ``sys.path``; afterwards ``sys.path`` is what it was, whatever was done to it."""
    before = list(sys.path)
    sys.path[:0] = list(folders)
    try:
        yield
    finally:
        sys.path[:] = before


def root(file: Path) -> Path:
    """The folder to import a file from: its own, or the one that holds its outermost package."""
    folder = file.parent
    while (folder / "__init__.py").exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def import_file(file: Path, *, own_name: bool = False) -> ModuleType:
    """The module of a file; the folder ``root(file)`` must be on ``sys.path``.

    A file of a package is imported as part of it.  Another file gets a name of its own, so that a case called
    ``queue.py`` does not pose as the library module; with ``own_name`` it is imported under its plain name where that
    leads to this file, so that it is the same module for all that import it.
    """
    folder = root(file)
    dotted = ".".join(file.relative_to(folder).with_suffix("").parts)
    if folder != file.parent or (own_name and _leads_to(dotted, file)):
        return import_module(dotted.removesuffix(".__init__"))
    code = _compiled(file)
    return _executed(code, file)


def import_module(name: str) -> ModuleType:
    """A module by its dotted name."""
    importlib.invalidate_caches()
    with guarded(f"importing {name}"):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            raise CaseError(f"there is no module {error.name}", hint=ENVIRONMENT_HINT) from error
        except SyntaxError as error:
            if error.filename is None or Path(error.filename).stem not in name.split("."):
                raise
            raise _syntax_error(error, error.filename) from error


def attribute(module: ModuleType, dotted: str, place: str) -> object:
    """A class, perhaps nested, of a module."""
    value: object = module
    for name in dotted.split("."):
        if not hasattr(value, name):
            raise CaseError(f"{place} has no class {dotted}", hint=_classes_hint(name, value))
        value = getattr(value, name)
    return value


def _classes_hint(name: str, holder: object) -> str:
    classes = {key: entry for key, entry in getattr(holder, "__dict__", {}).items() if isinstance(entry, type)}
    own = [key for key, entry in classes.items() if entry.__module__ == getattr(holder, "__name__", None)]
    listing = f"its classes are {', '.join(own)}" if own else "it defines no class"
    return question(name, classes) or listing


def _leads_to(name: str, file: Path) -> bool:
    loaded = sys.modules.get(name)
    if loaded is not None:
        return getattr(loaded, "__file__", None) == str(file)
    spec = importlib.util.find_spec(name) if name.isidentifier() else None
    return spec is not None and spec.origin == str(file)


def _compiled(file: Path) -> CodeType:
    """Compiled from its text: a cached ``.pyc`` may be older by less than the clock of the file system can tell."""
    shown = readable_path(str(file))
    try:
        return compile(reading.content(file), str(file), "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        if isinstance(error, SyntaxError) and error.lineno:
            raise _syntax_error(error, str(file)) from error
        # Bytes that are no text: Python tells no line.
        raise CaseError(f"{shown} is not Python: {error}", hint="name a text file with Python code") from error
    except OSError as error:
        raise CaseError(
            f"{shown} cannot be read: {error.strerror}", hint="check the permissions of the file"
        ) from error


def _syntax_error(error: SyntaxError, filename: str) -> CaseError:
    line = "" if error.lineno is None else f":{error.lineno}"
    hint = f"look at: {error.text.strip()}" if error.text and error.text.strip() else None
    return CaseError(f"{readable_path(filename)}{line}: syntax error: {error.msg}", hint=hint)


def _executed(code: CodeType, file: Path) -> ModuleType:
    name = _free_name(file)
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None:
        raise CaseError(f"{file} is not a Python file", hint="the name of a case file ends in .py")
    module = importlib.util.module_from_spec(spec)
    # Pickle, dataclasses and Dynamo look the module up by its name.
    sys.modules[name] = module
    try:
        with guarded(f"importing {readable_path(str(file))}"):
            exec(code, vars(module))
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _free_name(file: Path) -> str:
    """A module name for this file: always the same one in one process, never that of another file."""
    base = "steadygraph_case_" + re.sub(r"\W", "_", file.stem)
    name, number = base, 1
    while name in sys.modules and getattr(sys.modules[name], "__file__", None) != str(file):
        number += 1
        name = f"{base}_{number}"
    return name
