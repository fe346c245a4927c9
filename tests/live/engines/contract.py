"""Reads the sources of a release of vLLM, or of its stand-in, without importing them: is all there that is needed?"""

from __future__ import annotations

import ast
import zipfile
from collections.abc import Iterator
from pathlib import Path

from steadygraph.live.engines.vllm_hooks import DECORATOR, HOOKS, OF_CONFIGURATION, OF_MODELS, PLUGINS

Sources = Path | zipfile.Path


def moved(sources: Sources) -> list[str]:
    """What is not where the plugin looks for it, by name.

    Args:
        sources: A directory, or a wheel, that has the folder ``vllm``.
    """
    return [*_hooks(sources), *_models(sources), *_configuration(sources), *_plugins(sources)]


def _hooks(sources: Sources) -> Iterator[str]:
    for hook in HOOKS:
        if not _has(_tree(sources, hook.module), hook.name.split(".")):
            yield str(hook)


def _models(sources: Sources) -> Iterator[str]:
    module, name = DECORATOR
    function = next(
        (one for one in _tree(sources, module).body if isinstance(one, ast.FunctionDef) and one.name == name), None
    )
    if function is None:
        yield f"{module}:{name}"
        return
    written = {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute) and _is_stored(node)}
    for attribute, _ in (*OF_MODELS, ("__bases__", ""), ("__call__", "")):
        if attribute not in written:
            yield f"{module}:{name} sets no {attribute}"


def _configuration(sources: Sources) -> Iterator[str]:
    for module, name, attributes in OF_CONFIGURATION:
        for attribute in attributes:
            if not _has(_tree(sources, module), [name, attribute]):
                yield f"{module}:{name}.{attribute}"


def _plugins(sources: Sources) -> Iterator[str]:
    module, group = PLUGINS
    constants = (node.value for node in ast.walk(_tree(sources, module)) if isinstance(node, ast.Constant))
    if group not in constants:
        yield f"{module}: the group {group}"


def _is_stored(node: ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Store)


def _tree(sources: Sources, module: str) -> ast.Module:
    *folders, last = module.split(".")
    found = (sources.joinpath(*folders, name) for name in (f"{last}.py", f"{last}/__init__.py"))
    file = next((file for file in found if file.exists()), None)
    return ast.parse("" if file is None else file.read_text(encoding="utf-8"))


def _has(tree: ast.Module | ast.ClassDef, names: list[str]) -> bool:
    for node in tree.body:
        if names[0] in _defined(node):
            return len(names) == 1 or (isinstance(node, ast.ClassDef) and _has(node, names[1:]))
    return False


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.AsyncFunctionDef)):
        return [node.name]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return [target.id for target in getattr(node, "targets", ()) if isinstance(target, ast.Name)]
