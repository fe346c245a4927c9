"""Dynamo's own bookkeeping in decompiled code, taken out: it tells a profiler what passes before a graph is called."""

from __future__ import annotations

import ast

_MARK = "record_pregraph_bytecode"


def removed(source: str, indentation: int = 4) -> str:
    """The source as it runs while nobody profiles: two calls in torch 2.13, two branches in 2.15."""
    if _MARK not in source:
        return source
    from depyf.code_transform import astor

    marks = _Marks()
    tree = marks.visit(ast.parse(source))
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    tree = _Unread(marks.names - read).visit(tree)
    return str(astor.to_source(tree, indent_with=" " * indentation))


def _is_mark(*nodes: ast.AST) -> bool:
    return any(_MARK in ast.unparse(node) for node in nodes)


class _Marks(ast.NodeTransformer):
    """Takes calls of the marks away, and the branches that make them."""

    def __init__(self) -> None:
        #: Variables that what was taken away has used.
        self.names: set[str] = set()

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        branches = (node.body, node.orelse)
        unmarked = [branch for branch in branches if not _is_mark(*branch)]
        if len(unmarked) != 1:
            return self.generic_visit(node)
        (kept,) = unmarked
        self._note(node.test, *(one for branch in branches if branch is not kept for one in branch))
        return kept

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        return self._unless_mark(node)

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        return self._unless_mark(node)

    def _unless_mark(self, node: ast.stmt) -> ast.AST | None:
        if not _is_mark(node):
            return node
        self._note(node)
        return None

    def _note(self, *nodes: ast.AST) -> None:
        self.names |= {one.id for node in nodes for one in ast.walk(node) if isinstance(one, ast.Name)}


class _Unread(ast.NodeTransformer):
    """Takes away what gives a name or a constant to variables that nobody reads any more."""

    def __init__(self, names: set[str]) -> None:
        self._names = names

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        (target, *others), plain = node.targets, (ast.Name, ast.Attribute, ast.Constant)
        unread = isinstance(target, ast.Name) and target.id in self._names and not others
        return None if unread and isinstance(node.value, plain) else node
