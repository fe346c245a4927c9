"""Changed calls as a case file that runs: it loads the case that they come from, and imports nothing of ours."""

from __future__ import annotations

import inspect
import os
from collections.abc import Sequence
from pathlib import Path

from steadygraph.case.case import Case
from steadygraph.case.names import CONSTANTS, OPTIONAL
from steadygraph.case.target import parse
from steadygraph.engine.probing import edits
from steadygraph.engine.probing.places import Derived

_LEFT_OUT = ("PROBES", "ALLOW")
_HEAD = '''"""Calls that steadygraph derived from the profile call of {target}: in each, one thing is changed.

The model, the profile call and all that is set up for it come from there.
"""
'''
_LOADED = """

# --- the case that the calls were derived from ---------------------------------------------------------------

_FILE = Path(__file__).resolve().parent / {file!r}
sys.path.insert(0, str(_FILE.parent))
_SPEC = importlib.util.spec_from_file_location({name!r}, _FILE)
_CASE = sys.modules.setdefault({name!r}, importlib.util.module_from_spec(_SPEC))
_SPEC.loader.exec_module(_CASE)
_MODEL = []

build, profile = _CASE.build, _CASE.profile
{taken}

# --- the calls: (where a path starts, the path, the function, its arguments, the module) -----------------------

STEPS = {{
{steps}
}}
{functions}"""
_FUNCTIONS = """

def change(edit, values, root):
    if edit == "as_at":
        return lambda _value: at(root, values[0])
    return lambda value: globals()[edit](value, *values)


def serving():
    calls = {}
    for name, steps in STEPS.items():
        args, kwargs = _CASE.profile()
        given = call = {"args": tuple(args), "kwargs": kwargs}
        for root, path, edit, values, _owner in steps:
            if root == "call":
                call = changed(call, path, change(edit, values, given))
        calls[name] = call["args"], call["kwargs"]
    return calls


def before(model, name):
    _MODEL[:] = [model]
    if hasattr(_CASE, "before"):
        _CASE.before(model, "profile")


@contextlib.contextmanager
def context(name):
    with contextlib.ExitStack() as stack:
        if hasattr(_CASE, "context"):
            stack.enter_context(_CASE.context("profile"))
        for root, path, edit, values, owner in STEPS.get(name, ()):
            if root == "setting":
                function = globals()[edit]
                stack.enter_context(function(*(_MODEL if edit in ("training", "parameters_grad") else ()), *values))
            elif root != "call":
                holder = _MODEL[0].get_submodule(owner) if root == "model" else sys.modules[owner]
                stack.enter_context(written(holder, path, change(edit, values, holder)))
        yield
"""


def refusal(case: Case) -> str | None:
    """Why no file can be written of this case; None: one can."""
    target = parse(case.target)
    if target.file is None or target.class_name is not None:
        return "it can be written of a case file with a function build() alone"
    return None


def text(case: Case, probes: Sequence[Derived], file: Path) -> str:
    """The file.

    Args:
        case: What the calls were derived from.
        probes: The calls.
        file: Where it is going to be written.
    """
    original = parse(case.target).file
    assert original is not None, "it was asked before"
    defined = [name for name in OPTIONAL if name not in ("before", "context") and getattr(case, name) is not None]
    defined += [name for name in CONSTANTS if name not in _LEFT_OUT and getattr(case, name.lower())]
    steps = [
        f"    {one.probe.name!r}: [\n"
        + "".join(f"        {(s.root, s.path, s.edit, s.values, s.owner)!r},\n" for s in one.steps)
        + "    ],"
        for one in probes
    ]
    source = inspect.getsource(edits).partition('"""\n')[2].lstrip()
    source = source.replace("import importlib\n", "import importlib\nimport importlib.util\nimport sys\n", 1)
    source = source.replace("from typing import Any\n", "from pathlib import Path\nfrom typing import Any\n", 1)
    loaded = _LOADED.format(
        file=os.path.relpath(original, file.parent),
        name=getattr(case.profile, "__module__", "probed_case"),
        taken="\n".join(f"{name} = _CASE.{name}" for name in defined),
        steps="\n".join(steps),
        functions=_FUNCTIONS,
    )
    return f"{_HEAD.format(target=case.target)}\n{source}{loaded}"
