"""Names of a case file that look like ours: what somebody meant to define, and what nobody would ever ask for.

A file may define what it likes, so only a name that nothing else in the file uses is told, and only if it could serve
as what it looks like.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from steadygraph.case.checks import signature_of
from steadygraph.case.names import CONSTANTS, OPTIONAL, REQUIRED, advice
from steadygraph.errors import CaseError, reading
from steadygraph.errors.near_miss import closest, misspelled


class Spelling:
    """The names of one case file.

    Args:
        module: Its module.
        found: What is defined there.
        source: The case file, as it was written.
    """

    def __init__(self, module: ModuleType, found: Mapping[str, Any], source: str) -> None:
        self._found, self._source = found, source
        tree = _tree(module)
        self._unused = dict(_unused(tree))
        self._guarded = {name for block in tree.body if _is_main(block) for name, _ in _bound(block)}

    def missing(self, name: str, otherwise: str = "") -> CaseError:
        """What is said of a required function that is not there.

        Args:
            name: The function.
            otherwise: What else can be done about it.
        """
        if name in self._guarded:
            problem = f'{self._source} defines {name}() under `if __name__ == "__main__"` only'
            return CaseError(problem, hint="move it out of there: a case is imported")
        meant = closest(name, self._candidates(name))
        if meant:
            problem = f"{self._source} defines no {name}(), but {meant[0]}() in line {self._unused[meant[0]]}"
            return CaseError(problem, hint=f"rename it to {name}(), if it {REQUIRED[name]}")
        return CaseError(f"{self._source} defines no {name}()", hint=advice(name) + otherwise)

    def remarks(self) -> Iterator[str]:
        """A sentence for each name that looks like one of ours that is missing."""
        ours = ("build", *OPTIONAL, *CONSTANTS)
        meant = {near: name for name in ours for near in self._candidates(name) if misspelled(near, name)}
        for near in sorted(meant, key=self._unused.__getitem__):
            yield f"{self._source}:{self._unused[near]} defines {near}, which nothing uses: did you mean {meant[near]}?"

    def _candidates(self, name: str) -> list[str]:
        if name in self._found:
            return []
        return [one for one in self._unused if one in self._found and _serves(self._found[one], name)]


def _serves(value: object, name: str) -> bool:
    """Could this be what a case has under our name?"""
    if name in CONSTANTS:
        return isinstance(value, CONSTANTS[name])
    if not callable(value) or isinstance(value, type):
        return False
    signature = signature_of(value)
    if signature is None or name == "build":
        return signature is not None
    try:
        signature.bind(*OPTIONAL.get(name, ()))
    except TypeError:
        return False
    return True


def _tree(module: ModuleType) -> ast.Module:
    """What the file says; nothing where it cannot be read once more."""
    try:
        return ast.parse(reading.content(Path(module.__file__ or "")))
    except (OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _unused(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Public names that the file binds and that nothing in it asks for, each with its line."""
    used = {word for node in ast.walk(tree) for word in _asked(node)}
    for block in tree.body:
        for name, line in _bound(block):
            if name not in used and not name.startswith("_"):
                yield name, line


def _bound(node: ast.AST) -> Iterator[tuple[str, int]]:
    """Names that a statement of a module defines or assigns there; what it imports has been named elsewhere."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name, node.lineno
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id, node.lineno
    elif not isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        for child in ast.iter_child_nodes(node):
            yield from _bound(child)


def _asked(node: ast.AST) -> Iterable[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
        return (node.id,)
    if isinstance(node, ast.Global):
        return node.names
    # As in __all__, or for getattr.
    return (node.value,) if isinstance(node, ast.Constant) and isinstance(node.value, str) else ()


def _is_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in {n.id for n in ast.walk(node.test) if isinstance(n, ast.Name)}
