"""The temporary variables in decompiled code, put where they are used, in time that grows with the code.

depyf 0.20 walks all of the code twice for each of them; the text is the same.
"""

from __future__ import annotations

import ast
from collections import defaultdict


def removed(source: str, prefix: str, indentation: int = 4) -> str:
    """The text that ``depyf.code_transform.remove_some_temp`` gives for these arguments."""
    from depyf.code_transform import astor, remove_some_temp, set_parents

    tree = ast.parse(source)
    set_parents(tree)
    found: dict[str, list[ast.Name]] = defaultdict(list)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id.startswith(prefix):
            found[node.id].append(node)
    inlining = _Inlining()
    for name, places in found.items():
        assignments = [one for place in places if (one := _assignment_of(place)) is not None]
        if len(places) == 2 and len(assignments) == 2:  # nobody reads it: depyf has an order of its own there
            return str(remove_some_temp(source, prefix, indentation))
        for one in assignments:
            if len(places) == 1:
                inlining.unused.add(name)
            elif len(places) == 2 and _can_merge(*places):
                inlining.values[name] = one.value
    return str(astor.to_source(inlining.visit(tree), indent_with=" " * indentation))


def _assignment_of(name: ast.Name) -> ast.Assign | None:
    """The assignment to this variable alone that a name is the target of."""
    parent = _parent(name)
    return parent if isinstance(parent, ast.Assign) and parent.targets == [name] else None


def _can_merge(one: ast.Name, other: ast.Name) -> bool:
    """Is the variable used where it is set, and not outside of the block?"""
    from depyf.code_transform import lowest_common_parent

    _, above, other_above = lowest_common_parent(one, other)
    return not isinstance(above if isinstance(_parent(one), ast.Assign) else other_above, _BLOCKS)


def _parent(node: ast.AST) -> ast.AST | None:
    return getattr(node, "parent", None)


_BLOCKS = (
    ast.FunctionDef,
    ast.AsyncFunctionDef,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.If,
    ast.Try,
    ast.With,
    ast.AsyncWith,
    ast.ClassDef,
)


class _Inlining(ast.NodeTransformer):
    """Every temporary variable at once."""

    def __init__(self) -> None:
        #: What stands in the place of a variable.
        self.values: dict[str, ast.expr] = {}
        #: Variables that are set and never used.
        self.unused: set[str] = set()

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        target = node.targets[0]
        name = target.id if len(node.targets) == 1 and isinstance(target, ast.Name) else None
        if name in self.values:
            return None
        return ast.Expr(value=self.visit(node.value)) if name in self.unused else self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> ast.AST:
        value = self.values.get(node.id)
        return node if value is None else self.visit(value)
