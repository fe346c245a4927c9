"""What the installed torch must have: looked for before anything is traced.

The list is read off the files of this package, so that it is what they use, no less and no more: each name of torch
that is imported or reached and not public (``from torch._dynamo.hooks import Hooks``, ``pgo._CODE_STATE``,
``vars(SymNode)["hint"]``), and each keyword that is handed to one (``Hooks(guard_export_fn=...)``).  What is read of
objects that torch hands in, no file tells: their members stand, by class, in ``_MEMBERS`` of the file that reads them.
Reading the files takes some 15 ms, once in a process or before it is forked; looking for the names less than 1 ms, once
what they stand in is imported.
"""

from __future__ import annotations

import ast
import dis
import functools
import importlib
import inspect
import types
from pathlib import Path
from typing import Any

import torch

from steadygraph.errors import TorchSupportError

#: Releases with which all analyses were run.
TRIED = ("2.13", "2.14", "2.15")
#: What ``pyproject.toml`` asks for.
REQUIREMENT = "torch>=2.13,<2.16"
_ROOT = Path(__file__).parent
#: Files and folders that only some analyses need: they are asked for when they are used.
OPTIONAL = ("aot", "device", "guard_workshop", "inductor", "tracing")


def require(*parts: str) -> None:
    """Raise TorchSupportError that names what the installed torch lacks; return if nothing is.

    Args:
        parts: Some of ``OPTIONAL``; none: what every analysis needs.
    """
    missing = lacking(*parts)
    if missing:
        raise TorchSupportError(
            f"torch {torch.__version__} has no {', '.join(missing)}",
            hint=f"install a torch release that steadygraph was tried with: {REQUIREMENT}",
        )


def untried() -> str:
    """What is to be said of an installed torch that nobody has tried, although it has all that is needed, or ""."""
    release = ".".join(torch.__version__.split(".")[:2])
    *others, last = TRIED
    run_with = f"{', '.join(others)} and {last}"
    return "" if release in TRIED else f"torch {release} was not tried: steadygraph was run with {run_with}"


def lacking(*parts: str) -> list[str]:
    """The names that these parts use and the installed torch does not have; of a missing class, not its members."""
    missing: list[str] = []
    for name in used(*parts):
        if not name.startswith(tuple(f"{other}{sign}" for other in missing for sign in ".(")) and not has(name):
            missing.append(name)
    return missing


@functools.cache
def used(*parts: str) -> tuple[str, ...]:
    """The names of torch that these parts use: ``torch._dynamo.hooks.Hooks``, ``...Hooks(guard_export_fn)``."""
    files = [path for part in parts for path in (_ROOT / f"{part}.py", *(_ROOT / part).glob("*.py")) if path.exists()]
    files = files if parts else [path for path in _ROOT.glob("*.py") if path.stem not in OPTIONAL]
    return tuple(sorted({name for path in files for name in names_in(path.read_text(encoding="utf-8"))}))


def names_in(source: str) -> set[str]:
    """The names that a file uses of torch, without those of its public interface."""
    uses = _Uses()
    uses.visit(ast.parse(source))
    return {name for name in uses.found if "._" in name or ".experimental." in name}


class _Uses(ast.NodeVisitor):
    """Follows imported names, and variables that are nothing else, through a file."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._scopes: list[dict[str, str]] = [{}]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scopes.append({})
        self.generic_visit(node)
        self._scopes.pop()

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) != "TYPE_CHECKING":
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._take(alias.name, alias.asname or alias.name.partition(".")[0], alias.asname is not None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._take(f"{node.module}.{alias.name}", alias.asname or alias.name, True)

    def _take(self, path: str, name: str, whole: bool) -> None:
        if path.partition(".")[0] == "torch":
            self.found.add(path)
            self._scopes[-1][name] = path if whole else name

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._bind(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self._bind(node.target, node.value)
        self.generic_visit(node)

    def _bind(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Name):
            if target.id == "_MEMBERS":
                members = ast.literal_eval(value).items()
                self.found.update(f"{owner}.{name}" for owner, names in members for name in names.split())
            elif (path := self._path(value)) is not None:
                self._scopes[-1][target.id] = path
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            for pair in zip(target.elts, value.elts, strict=True):
                self._bind(*pair)

    def visit_Attribute(self, node: ast.Attribute | ast.Subscript) -> None:
        if (path := self._path(node)) is not None:
            self.found.add(path)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        self.visit_Attribute(node)

    def visit_Call(self, node: ast.Call) -> None:
        if (path := self._path(node.func)) is not None:
            settings = path.endswith(".config.patch")
            for word in (keyword.arg for keyword in node.keywords if keyword.arg):
                self.found.add(f"{path.removesuffix('patch')}{word}" if settings else f"{path}({word})")
        self.generic_visit(node)

    def _path(self, node: ast.AST) -> str | None:
        """``torch.a.b``, if an expression is nothing else."""
        if isinstance(node, ast.Name):
            return next((scope[node.id] for scope in reversed(self._scopes) if node.id in scope), None)
        match node:
            case ast.Attribute(value=owner, attr=str(name)):
                pass
            case ast.Subscript(
                value=ast.Call(func=ast.Name(id="vars"), args=[owner]), slice=ast.Constant(value=str(name))
            ):
                pass
            case _:
                return None
        path = self._path(owner)
        return None if path is None else f"{path}.{name}"


def has(name: str) -> bool:
    """Is there such a name, such a member of the objects of a class, such a parameter?"""
    path, _, parameter = name.removesuffix(")").partition("(")
    found: Any = torch
    reached = "torch"
    try:
        for step in path.split(".")[1:]:
            reached = f"{reached}.{step}"
            if not hasattr(found, step) and isinstance(found, type):
                return _has_member(found, step)
            found = getattr(found, step) if hasattr(found, step) else importlib.import_module(reached)
    except (ImportError, AttributeError):  # of the name, or of what its module needs itself
        return False
    return not parameter or _takes(found, parameter)


def _has_member(kind: type, name: str) -> bool:
    """Is it declared, or set when an object is made?"""
    for cls in kind.__mro__:
        makers = (vars(cls).get(maker) for maker in ("__init__", "__post_init__", "_init"))
        if name in inspect.get_annotations(cls):
            return True
        if any(name in _set_by(maker.__code__) for maker in makers if isinstance(maker, types.FunctionType)):
            return True
    return False


@functools.cache
def _set_by(code: types.CodeType) -> frozenset[str]:
    """The names of attributes that a function sets."""
    return frozenset(one.argval for one in dis.get_instructions(code) if one.opname == "STORE_ATTR")


def _takes(function: Any, parameter: str) -> bool:
    if isinstance(function, type):
        made = (function.__dict__.get("__init__"), function.__new__, function.__init__)  # type: ignore[misc]
        function = next((make for make in made if hasattr(make, "__code__")), None)
    code = getattr(inspect.unwrap(function), "__code__", None) if function is not None else None
    if code is None or code.co_flags & inspect.CO_VARKEYWORDS:  # C++, or whatever it is given
        return True
    return parameter in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
