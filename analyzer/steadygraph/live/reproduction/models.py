"""How a case builds what was compiled: pickled, by its name, or by a factory of the user's."""

from __future__ import annotations

import ast
import os
import pickle
import sys
import types
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from steadygraph import torch_private
from steadygraph.live.reproduction.objects import NotRebuiltError
from steadygraph.live.reproduction.values import Rebuilding
from steadygraph.observe.run.watching import WatchedRegion

_MAIN = "__main__"
_CALLS_FORWARD = ("forward", "inner", "_call_impl", "_wrapped_call_impl", "__call__")


@dataclass(frozen=True, slots=True)
class Building:
    """What ``build()`` does.

    Args:
        result: The expression that it returns.
        modules: What has to be imported.
        file: Content of the file that the model is read from; None: there is none.
        holder: What the paths of its modules begin with.
    """

    result: str
    modules: frozenset[str] = frozenset()
    file: Callable[[Path], None] | None = None
    holder: str = ""


def building(region: WatchedRegion, folder: Path, factory: str | None) -> Building:
    """How the region is made.

    Args:
        region: A module, a method of one, or a function.
        folder: Where the case stands.
        factory: ``package.module:function``, which makes the module; None: it is pickled.

    Raises:
        NotRebuiltError: It cannot be.
    """
    function: Any = region.forward.own
    if region.module is None:
        code, modules = _function(function, folder)
        return Building(f"Called({code})", modules)
    module = region.module
    if factory is not None:
        name, _, attribute = factory.partition(":")
        built = Building(f"{name}.{attribute}()", frozenset([name]))
    else:
        load = "torch.load(MODEL, weights_only=False, pickle_module=unpickler(script))"
        built = Building(load, file=_saving(module))
    method = getattr(function, "__name__", "")
    if method in _CALLS_FORWARD:
        return built
    return replace(built, result=f"Called((model := {built.result}).{method}, model)", holder="model")


def _saving(module: torch.nn.Module) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        try:
            torch.save(module, path, pickle_module=_pickle)
        except OSError:
            raise
        except Exception as error:  # whatever pickle has against it
            hint = "name a function that builds it"
            raise NotRebuiltError(f"the module cannot be pickled ({error}): {hint}") from error

    return save


class _Uncompiled(pickle.Pickler):
    """What was compiled is pickled as what it was before: ``model.forward = torch.compile(model.forward)``."""

    def reducer_override(self, value: Any) -> Any:
        is_either = isinstance(value, torch.nn.Module | types.FunctionType)
        plain = torch_private.uncompiled(value) if is_either else value
        # Of the functions of Python that give back what they get this one is found by its name.
        return NotImplemented if plain is value else (typing.cast, (None, plain))


#: In the place of ``pickle``.
_pickle = types.SimpleNamespace(__name__="pickle", Pickler=_Uncompiled)


def _function(function: Any, folder: Path) -> tuple[str, frozenset[str]]:
    """By its name, or by its place where it has none."""
    made = Rebuilding()
    try:
        return made.code(function), frozenset(made.modules)
    except NotRebuiltError:
        if not isinstance(function, types.FunctionType):
            raise
    code = function.__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    held = {name: cell.cell_contents for name, cell in cells} | {"__defaults__": function.__defaults__}
    values = ", ".join(f"{name!r}: {made.code(value)}" for name, value in held.items())
    if made.lines:
        raise NotRebuiltError(f"{function.__qualname__} closes over tensors or objects")
    module = function.__module__
    names = "vars(script)" if module == _MAIN else f"vars({module})"
    path = os.path.relpath(code.co_filename, folder)
    text = f"function_in(at({path!r}), {code.co_qualname!r}, {code.co_firstlineno}, {names}, {{{values}}})"
    return text, frozenset(made.modules | ({module} - {_MAIN}))


def script_of_process() -> Path | None:
    """The file that the process runs as its program; None: there is none, as in a notebook."""
    file = getattr(sys.modules.get(_MAIN), "__file__", None)
    return Path(file) if file and Path(file).suffix == ".py" and Path(file).is_file() else None


def constants_of(script: Path, made: Rebuilding) -> Iterator[tuple[str, str]]:
    """(name, expression) of what the functions and classes of a script mention and no definition gives.

    What cannot be made again is left out: it may never be asked for.
    """
    tree = ast.parse(script.read_text(encoding="utf-8"))
    held = vars(sys.modules[_MAIN])
    inner = (node for top in tree.body if isinstance(top, ast.ClassDef | ast.FunctionDef) for node in ast.walk(top))
    for name in dict.fromkeys(node.id for node in inner if isinstance(node, ast.Name)):
        value = held.get(name)
        if name not in held or callable(value) or isinstance(value, types.ModuleType):
            continue
        try:
            yield name, made.code(value)
        except NotRebuiltError:
            continue


def folders(modules: frozenset[str], model: torch.nn.Module | None) -> list[Path]:
    """Where modules of the user's are imported from: what is installed is found anyway."""
    names = set(modules)
    if model is not None:
        names |= {type(one).__module__ for one in model.modules()}
    found = [_folder(name) for name in sorted(names - {_MAIN})]
    return [folder for folder in dict.fromkeys(found) if folder is not None]


def _folder(name: str) -> Path | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None or "site-packages" in file or file.startswith(sys.base_prefix):
        return None
    levels = name.count(".") + (Path(file).name == "__init__.py")
    return Path(file).resolve().parents[levels]
