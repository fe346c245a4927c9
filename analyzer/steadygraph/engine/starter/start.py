"""From a target to the text of its first case."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import torch
from torch import nn

from steadygraph.case import importing
from steadygraph.case.target import Target, parse
from steadygraph.engine.starter import text
from steadygraph.engine.starter.trials import Tried, Written, tried
from steadygraph.errors import CaseError

_X, _MASK = "torch.randn(2, 6, 8)", "torch.ones(6, 6, dtype=torch.bool).tril()"
_EXAMPLE = Tried(
    "Attention()",
    Written({"x": _X}),
    {"plain": Written({"x": _X}), "masked": Written({"x": _X, "mask": _MASK})},
)


@dataclass(frozen=True, slots=True)
class Start:
    """A file to begin with.

    Args:
        file: Where it is written.
        text: What it holds.
        problem: What is left to be filled in; empty: it runs as it is.
    """

    file: Path
    text: str
    problem: str = ""


def start(target: str | None, output: Path | None, *, pytest: bool) -> Start:
    """A first case, or a first test.

    Args:
        target: ``package.module:Class`` or ``path/file.py:Class``; None: an example.
        output: The file that will be written; None: one in the current folder, under the name that is given back.
        pytest: A test is wanted.

    Raises:
        CaseError: The target names no class of a module.
        TargetError: Its file raises while it is imported.
    """
    if target is None:
        return _start("Attention", _EXAMPLE, text.example(), output, pytest=pytest)
    named = parse(target)
    if named.class_name is None:
        raise CaseError(f"{target} names no class", hint=f"write {target}:Class")
    with _imported(named) as module:
        cls = importing.attribute(module, named.class_name, target)
        if not isinstance(cls, type) or not issubclass(cls, nn.Module):
            raise CaseError(f"{target} is no torch.nn.Module", hint="name the class of a model")
        with torch.random.fork_rng(devices=[]):
            found = tried(cls, named.class_name)
    folder = Path.cwd() if output is None else output.parent
    imported = text.import_of(_name(named), named.class_name, _root(named, module), folder)
    return _start(named.class_name, found, imported, output, pytest=pytest)


@contextlib.contextmanager
def _imported(named: Target) -> Iterator[ModuleType]:
    """The module of a target, while what it imports itself is found."""
    root = Path.cwd() if named.file is None else importing.root(named.file)
    with importing.search_path([str(root)]):
        if named.module is not None:
            yield importing.import_module(named.module)
        else:
            assert named.file is not None  # it is one or the other
            yield importing.import_file(named.file, own_name=True)


def _name(named: Target) -> str:
    """The name under which a case imports the module.

    Raises:
        CaseError: There is none, as the file is called as no module can be.
    """
    if named.file is None:
        return str(named.module)
    name = ".".join(named.file.relative_to(importing.root(named.file)).with_suffix("").parts)
    if not all(part.isidentifier() for part in name.split(".")):
        raise CaseError(f"{named.place} cannot be imported by its name", hint="call it as a module: letters, digits, _")
    return name


def _root(named: Target, module: ModuleType) -> Path | None:
    """The folder that has to be on the search path; None: the module is installed."""
    if named.file is not None:
        return importing.root(named.file)
    file = getattr(module, "__file__", None) or ""
    return Path.cwd() if Path(file).is_relative_to(Path.cwd()) and "site-packages" not in file else None


def _start(name: str, found: Tried, imported: str, output: Path | None, *, pytest: bool) -> Start:
    content = text.test(found, imported, name) if pytest else text.case(found, imported)
    file = output or Path(text.file_name(name, pytest=pytest))
    return Start(file, content.replace("FILE", file.name, 1), found.problem)
