"""Who may import whom: the layers, the one home of private torch, and what must stay light."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from steadygraph.torch_private import required

ROOT = Path(__file__).resolve().parent.parent
SOURCES = (ROOT / "analyzer", ROOT / "rules")

#: The folders of steadygraph, lowest layer first: a module imports from its own layer and from lower ones.
LAYERS = (
    {"errors", "reference", "redaction", "suites"},
    {"model", "torch_private"},
    {"compare", "rule", "case"},
    {"report", "observe"},
    {"config", "history", "accelerator"},
    {"policies"},
    {"engine"},
    {"workers", "live"},
    {"sweep"},
    {"cli", "testing"},
    {"__init__", "__main__", "pytest_plugin", "sglang_plugin", "vllm_plugin"},
)
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
#: What lies at the root beside the folders.
FILES_AT_THE_ROOT = {"__init__", "__main__", "config", "pytest_plugin", "sglang_plugin", "vllm_plugin"}

#: Folders that import no torch when they are imported.
LIGHT = FILES_AT_THE_ROOT | {
    "errors",
    "redaction",
    "model",
    "rule",
    "compare",
    "case",
    "report",
    "history",
    "suites",
    "sweep",
    "cli",
    "testing",
}

#: Modules of other folders that import none either: they are used where there is no torch, or before it is imported.
LIGHT_MODULES = {
    "steadygraph.engine.api",
    "steadygraph.engine.judge",
    "steadygraph.live",
    "steadygraph.live.engines",
    "steadygraph.live.engines.place",
    "steadygraph.live.engines.ranks",
    "steadygraph.live.engines.settings",
    "steadygraph.live.engines.sglang",
    "steadygraph.live.guard_filter",
    "steadygraph.observe.guards.budget_filter",
    "steadygraph.live.script",
    "steadygraph.observe.guards.no_recompiles",
    "steadygraph.observe.places.excerpts",
}

#: Folders whose imports are narrower than their layer allows.
ONLY = {
    "compare": {"steadygraph.model", "steadygraph.model.budget"},
    "torch_private": {
        "steadygraph.errors",
        "steadygraph.errors.raised",
        "steadygraph.model",
        "steadygraph.model.budget",
    },
    "steadygraph_rules": {"steadygraph.model", "steadygraph.rule"},
    "reference": set[str](),
}

#: Words of torch's that are words of ours too: live objects are handed around under these names, and not looked into.
OURS_TOO = {"_box", "compile_id", "force_recompile", "guard_manager", "guarded_code"} | {
    "mark_dynamic",
    "maybe_mark_dynamic",
    "skip_guard_eval_unsafe",  # a keyword of torch.compiler.set_stance
    "shape_env",
}
#: What the objects have that Dynamo, FX and C++ hand over, beside what the door itself names.
HANDED_OVER = (
    # guards, and the tree of them
    {"closure_vars", "code_list", "get_child_managers", "get_epilogue_lambda_guards", "get_key_value_managers"}
    | {"get_leaf_guards", "get_source", "get_type_of_guarded_value", "user_stack", "verbose_code_parts"}
    # nodes of FX, and the keys of what is noted of one
    | {"all_input_nodes", "meta", "graph_module", "example_value", "grapharg", "stack_trace"}
    # the variables of a trace
    | {"as_python_constant", "mutation_type", "block_stack", "with_context", "root_tx", "vt"}
    # operators, symbols, tensors without values
    | {"overloadpacket", "_schema", "is_mutable", "free_symbols", "is_Symbol", "is_Integer", "has_hint", "_cdata"}
)


@dataclass(frozen=True)
class Import:
    """One imported module or name, in full: ``from a import b`` is ``a.b``."""

    name: str
    line: int
    #: Executed when the module is imported: not in a function, not for type checkers only.
    at_import: bool
    #: Never executed.
    for_types: bool = False


@dataclass(frozen=True)
class Source:
    name: str
    path: Path

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def part(self) -> str:
        """``observe`` for ``steadygraph.observe.guards.guards``; ``__init__`` for ``steadygraph`` itself."""
        return self.name.split(".")[1] if "." in self.name else "__init__"

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.path.read_text(encoding="utf-8"))

    @cached_property
    def imports(self) -> tuple[Import, ...]:
        parent = self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]
        return tuple(imports(self.tree, parent))


@cache
def sources() -> list[Source]:
    """Parsed once for all tests."""
    found = []
    for root in SOURCES:
        for path in sorted(root.rglob("*.py")):
            parts = path.relative_to(root).with_suffix("").parts
            found.append(Source(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path))
    return found


def imports(node: ast.AST, parent: str, *, at_import: bool = True, for_types: bool = False) -> Iterator[Import]:
    """All imports below ``node``, relative ones resolved against the package ``parent``."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, at_import, for_types)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                package = parent.split(".")[: len(parent.split(".")) - child.level + 1]
                base = ".".join([*package, *([base] if base else [])])
            for alias in child.names:
                yield Import(f"{base}.{alias.name}", child.lineno, at_import, for_types)
        elif isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            for statement in child.body:
                yield from imports(ast.Module([statement], []), parent, at_import=False, for_types=True)
            for statement in child.orelse:
                yield from imports(ast.Module([statement], []), parent, at_import=at_import, for_types=for_types)
        else:
            deferred = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(child, parent, at_import=at_import and not deferred, for_types=for_types)


def torch_names(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Dotted names that start with ``torch``, and imported ones."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            name = ast.unparse(node)
            if name.startswith("torch."):
                yield name, node.lineno
    yield from ((i.name, i.line) for i in imports(tree, "") if i.name.split(".")[0] == "torch")


def touched(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Names of attributes that are read, written or asked for by name, and strings that stand for a key."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            yield node.attr, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.endswith("__") for part in name.split("."))


ALL = sources()
MODULES = {source.name for source in ALL}
ANALYZER = [source for source in ALL if source.package == "steadygraph"]
RULES = [source for source in ALL if source.package == "steadygraph_rules"]
ALL_LIGHT = [s for s in ANALYZER if s.part in LIGHT or s.name in LIGHT_MODULES] + RULES


def offences(sources: Iterable[Source], found: Callable[[Source], Iterable[str]]) -> list[str]:
    """What is found in each of the sources, with the name of the module.

    One test looks at all modules: hundreds that take microseconds each would be collected anew by every worker.
    """
    return [f"{source.name}: {each}" for source in sources for each in found(source)]


def target(name: str) -> str | None:
    """The module of ours that an import loads: ``steadygraph.model`` for ``steadygraph.model.Kind``."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def needed(source: Source) -> set[str]:
    """Modules that ``source`` loads sooner or later; without the package itself, whose names load when asked for."""
    found = {target(i.name) for i in source.imports if not i.for_types}
    return {module for module in found if module} - {source.name, source.package}


def rooms(folder: str) -> dict[str, set[str]]:
    """The files and folders right below a folder, each with those that it needs."""
    found: dict[str, set[str]] = {}
    for source in ALL:
        if (room := room_of(source.name, folder)) is not None:
            found.setdefault(room, set()).update(
                other for module in needed(source) if (other := room_of(module, folder)) not in (None, room) and other
            )
    return found


def room_of(module: str, folder: str) -> str | None:
    return module.removeprefix(f"{folder}.").partition(".")[0] if module.startswith(f"{folder}.") else None


def circle(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is left of a graph when all that ends somewhere is taken away, again and again."""
    while leaves := {name for name, needs in graph.items() if not needs & graph.keys()}:
        graph = {name: needs for name, needs in graph.items() if name not in leaves}
    return graph


#: What takes its time to import: torch a second, networkx 0.2 s.
HEAVY = ("torch", "transformers", "depyf", "numpy", "networkx")


def is_heavy(name: str) -> bool:
    return name.split(".")[0] in HEAVY


def test_imports_are_read_with_the_time_at_which_they_run() -> None:
    text = (
        "import a.b\nfrom . import c\nfrom ..d import e\nif TYPE_CHECKING:\n    import f\nelse:\n    import g\n"
        "def late():\n    import h\nclass Now:\n    import i\n"
    )

    found = list(imports(ast.parse(text), "pkg.sub"))

    assert [(i.name, i.at_import, i.for_types) for i in found] == [
        ("a.b", True, False),
        ("pkg.sub.c", True, False),
        ("pkg.d.e", True, False),
        ("f", False, True),
        ("g", True, False),
        ("h", False, False),
        ("i", True, False),
    ]


def test_a_circle_is_found_behind_what_leads_to_it_and_away_from_it() -> None:
    graph = {"in": {"a"}, "a": {"b"}, "b": {"c", "out"}, "c": {"a"}, "out": {"elsewhere"}}

    assert circle(graph).keys() == {"in", "a", "b", "c"}
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == {}


def test_private_names_of_torch_are_recognised() -> None:
    text = "import torch._dynamo\nfrom torch.fx import _lazy\ntorch.compiler.reset()\ntorch.__version__\ntorch._C.x\n"

    found = {name for name, _ in torch_names(ast.parse(text)) if is_private(name)}

    assert found == {"torch._dynamo", "torch.fx._lazy", "torch._C", "torch._C.x"}


def test_both_packages_are_looked_at() -> None:
    assert {"steadygraph.model", "steadygraph.rule", "steadygraph_rules"} <= MODULES


def test_every_module_has_a_layer() -> None:
    assert {s.name for s in ANALYZER if s.part not in RANK} == set(), f"add its folder to LAYERS in {__file__}"


def test_a_module_imports_from_its_own_layer_and_from_lower_ones() -> None:
    def upward(source: Source) -> Iterator[str]:
        for i in source.imports:
            module = target(i.name)
            if module and "." in module and RANK.get(module.split(".")[1], 0) > RANK.get(source.part, -1):
                yield f"line {i.line}: {module}"

    assert offences(ANALYZER, upward) == []


def test_narrow_parts_import_only_what_they_are_given() -> None:
    def foreign(source: Source) -> Iterator[str]:
        part = source.package if source.package in ONLY else source.part
        own = source.package if source.package in ONLY else f"steadygraph.{part}"
        for i in source.imports:
            module = target(i.name)
            if module and module not in ONLY[part] and module != own and not module.startswith(f"{own}."):
                yield f"line {i.line}: {module}"

    assert offences([s for s in ALL if s.part in ONLY or s.package in ONLY], foreign) == []


def test_references_need_torch_and_nothing_else() -> None:
    allowed = {"torch", "steadygraph", *sys.stdlib_module_names}

    def others(source: Source) -> Iterator[str]:
        return (f"line {i.line}: {i.name}" for i in source.imports if i.name.split(".")[0] not in allowed)

    assert offences([s for s in ANALYZER if s.part == "reference"], others) == []


def test_light_modules_name_heavy_packages_only_inside_functions() -> None:
    def heavy(source: Source) -> Iterator[str]:
        return (f"line {i.line}: {i.name}" for i in source.imports if i.at_import and is_heavy(i.name))

    assert offences(ALL_LIGHT, heavy) == []


def test_private_torch_is_named_in_one_folder_only() -> None:
    def private(source: Source) -> Iterator[str]:
        return (f"line {line}: {name}" for name, line in torch_names(source.tree) if is_private(name))

    assert offences([s for s in ALL if s.part != "torch_private"], private) == []


def read_behind_the_door() -> set[str]:
    """Names of attributes that only objects of Dynamo, FX and C++ have: of one word are many other things as well."""
    names = {name.rpartition(".")[2] for part in ([], required.OPTIONAL) for name in required.used(*part)}
    return {name for name in names if "_" in name and name.isidentifier() and name[:2] != "__"} - OURS_TOO | HANDED_OVER


FOREIGN = read_behind_the_door()


def test_objects_of_dynamo_fx_and_cpp_are_read_in_one_folder_only() -> None:
    def read(source: Source) -> Iterator[str]:
        return (f"line {line}: {name}" for name, line in touched(source.tree) if name in FOREIGN)

    # Suites are what is analysed, and make models on torch.device("meta").
    assert offences([s for s in ALL if s.part not in ("torch_private", "suites")], read) == []


def test_reading_such_an_object_is_seen() -> None:
    text = "node.meta['x']\nguard.create_fn\ngetattr(entry, 'side_effects')\nn.get('grapharg')\nmodel.scale\n"

    assert {line for name, line in touched(ast.parse(text)) if name in FOREIGN} == {1, 2, 3, 4}


def test_the_accelerator_has_one_door() -> None:
    def inside(source: Source) -> Iterator[str]:
        for i in source.imports:
            if (target(i.name) or "").startswith("steadygraph.accelerator."):
                yield f"line {i.line}: {i.name}"

    assert offences([s for s in ALL if s.part != "accelerator"], inside) == []


def test_what_dynamo_writes_is_read_in_one_folder_only() -> None:
    spelled = re.compile(
        r"SHAPE_ENV|\w_MATCH\b|___(?:dict|stack|check)|__import_|\b[LG]\\?\[['\"]|\.size\(\)\[|check_tensor|duck sizing"
    )

    def read(source: Source) -> Iterator[str]:
        documented = {id(node.value) for node in ast.walk(source.tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Constant) and id(node) not in documented and spelled.search(str(node.value)):
                yield f"line {node.lineno}: {node.value!r}"

    assert offences([s for s in ALL if s.part not in ("torch_private", "reference")], read) == []


def test_pydantic_is_imported_in_one_folder_only() -> None:
    def imported(source: Source) -> Iterator[str]:
        return (f"line {i.line}" for i in source.imports if i.name.split(".")[0] in ("pydantic", "pydantic_core"))

    assert offences([s for s in ALL if not s.name.startswith("steadygraph.report.json.")], imported) == []


def test_the_references_load_nothing_of_the_analyzer() -> None:
    modules = ", ".join(s.name for s in ANALYZER if s.part == "reference")
    code = f"import sys, {modules}; print(*(name for name in sys.modules if name.startswith('steadygraph.')))"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert [name for name in done.stdout.split() if name.split(".")[1] != "reference"] == []


def test_no_module_imports_itself_through_others() -> None:
    """Imports inside functions count: they hide a circle and do not open it."""
    assert circle({s.name: needed(s) for s in ALL}) == {}


@pytest.mark.parametrize(
    "folder",
    ["steadygraph", "steadygraph.report", "steadygraph.observe", "steadygraph.report.html", "steadygraph.history"],
)
def test_the_rooms_of_a_folder_form_no_circle(folder: str) -> None:
    found = rooms(folder)

    assert len(found) > 1
    assert circle(found) == {}


@pytest.mark.parametrize(
    "modules",
    [
        "steadygraph",
        "steadygraph.cli.main",
        "steadygraph.case.case",
        "steadygraph_rules",
        "steadygraph.pytest_plugin",
        ", ".join(s.name for s in ALL_LIGHT),
    ],
    ids=["steadygraph", "command line", "case", "rules", "pytest plugin", "all light modules"],
)
def test_light_modules_do_not_import_heavy_packages(modules: str) -> None:
    code = f"import sys, {modules}; sys.exit(sorted(sys.modules.keys() & {HEAVY}) or None)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
