"""What a written case needs to have its objects back.  Its text is copied into the case, which imports none of ours."""

from __future__ import annotations

import ast
import io
import os
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import torch


def at(path: str) -> Path:
    """A file by its place beside this one."""
    return Path(os.path.normpath(Path(__file__).resolve().parent / path))


def definitions(path: Path, constants: dict[str, Any]) -> types.ModuleType:
    """A script that is not run: its imports, its classes and functions, and constants as they were."""
    module = types.ModuleType(path.stem)
    # Dataclasses and pickle look for the module of a class.
    sys.modules[module.__name__] = module
    vars(module).update(constants, __file__=str(path))
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = ast.Import, ast.ImportFrom, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef
    for statement in tree.body:
        if isinstance(statement, kept):
            code = compile(ast.Module([statement], []), str(path), "exec", dont_inherit=True)
            exec(code, vars(module))
    return module


def function_in(path: Path, name: str, line: int, names: dict[str, Any], held: dict[str, Any]) -> Any:
    """A function that has no name in its module, with the values that it closes over."""
    waiting = [compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True)]
    while waiting:
        code = waiting.pop()
        if (code.co_qualname, code.co_firstlineno) == (name, line):
            cells = tuple(types.CellType(held[free]) for free in code.co_freevars)
            return types.FunctionType(code, names, code.co_name, held.get("__defaults__"), cells)
        waiting += [one for one in code.co_consts if isinstance(one, types.CodeType)]
    raise LookupError(f"{path} has no function {name} in line {line}: was the file changed?")


def unpickler(script: types.ModuleType | None) -> Any:
    """What ``torch.load`` takes in the place of ``pickle``: with the classes of the script."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            found: Any = script
            if module != "__main__" or script is None:
                return super().find_class(module, name)
            for part in name.split("."):
                found = getattr(found, part)
            return found

    return types.SimpleNamespace(__name__="pickle", Unpickler=Unpickler)


def stored(path: Path, call: str, script: types.ModuleType | None) -> Any:
    """What was kept of a call: its tensors, and what gives its objects."""
    held = torch.load(path, weights_only=False)[call]

    def rebuilt(name: str, tensors: dict[str, torch.Tensor]) -> Any:
        reading = unpickler(script).Unpickler(io.BytesIO(held["objects"][name]))
        reading.persistent_load = tensors.__getitem__
        return reading.load()

    return held["tensors"], rebuilt


class Called(torch.nn.Module):
    """Calls what was compiled, where that is the forward of no module."""

    def __init__(self, function: Any, model: torch.nn.Module | None = None) -> None:
        super().__init__()
        self.model = model
        self.forward = function
