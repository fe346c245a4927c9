"""Another release of torch: whatever of its private names is gone, the user reads which one it is."""

from __future__ import annotations

import dis
import enum
import importlib
import inspect
import subprocess
import sys
import tomllib
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from packaging.requirements import Requirement

from steadygraph import torch_private
from steadygraph.errors import TorchSupportError
from steadygraph.torch_private import required

HINT = "\n  hint: install a torch release that steadygraph was tried with: torch>=2.13,<2.16"
# Imported before anything is taken away: what torch itself needs is not the question.
assert required.lacking() == required.lacking(*required.OPTIONAL) == []
#: Name -> the part of the door that uses it; "" for what every analysis needs.
PARTS = {name: part for part in (*required.OPTIONAL, "") for name in required.used(*filter(None, [part]))}


def lacking(name: str) -> str:
    return f"torch {torch.__version__} has no {name}{HINT}"


def owner_of(name: str) -> tuple[Any, str]:
    """The module or class in which a name stands."""
    path, _, attribute = name.rpartition(".")
    owner: Any = torch
    for part in path.split(".")[1:]:
        owner = getattr(owner, part) if hasattr(owner, part) else importlib.import_module(path)
    return owner, attribute


def sets(function: object, attribute: str) -> bool:
    is_plain = isinstance(function, types.FunctionType)
    return is_plain and any(one.opname == "STORE_ATTR" and one.argval == attribute for one in dis.Bytecode(function))


def removed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take a name away from torch."""
    owner, attribute = owner_of(name)
    value = getattr(owner, attribute, None)
    if isinstance(value, types.ModuleType):
        monkeypatch.setitem(sys.modules, name, None)
    if isinstance(owner, enum.EnumMeta):
        others = enum.Enum(owner.__name__, [member.name for member in owner if member.name != attribute])
        monkeypatch.setattr(sys.modules[owner.__module__], owner.__name__, others)
        return
    for home in getattr(owner, "__mro__", [owner]):
        if attribute in vars(home):
            monkeypatch.delattr(home, attribute)
        if isinstance(home, type) and attribute in inspect.get_annotations(home):
            monkeypatch.delitem(home.__annotations__, attribute)
        if isinstance(home, type) and sets(vars(home).get("__init__"), attribute):
            monkeypatch.setattr(home, "__init__", lambda self, **anything: None)


def is_removable(name: str) -> bool:
    """Is it there by itself, in a module or class of Python's?"""
    if "(" in name or name.startswith("torch.ops."):  # an operator is made again when it is asked for
        return False
    owner, attribute = owner_of(name)
    return isinstance(owner, type | types.ModuleType) and attribute in dir(owner) and not attribute.startswith("__")


def tells_its_parameters(name: str) -> bool:
    owner, attribute = owner_of(name.partition("(")[0])
    parameters = inspect.signature(getattr(owner, attribute)).parameters.values()
    return not any(one.kind is inspect.Parameter.VAR_KEYWORD for one in parameters)


def said_without(name: str) -> tuple[str, bool]:
    """What is said where torch has no such name, and whether subgraphs are shared all the same."""
    parts = [PARTS[name]] if PARTS[name] else []
    with pytest.MonkeyPatch.context() as patch:
        removed(name, patch)
        with pytest.raises(TorchSupportError) as caught:
            torch_private.require(*parts)
        return str(caught.value), not torch_private.lacking("tracing")


def is_named(name: str, said: str) -> bool:
    """Is it what is missing, alone, or among the classes that inherit it?"""
    owner, attribute = owner_of(name)
    inherited = isinstance(owner, type) and attribute not in vars(owner)
    named = said.removeprefix(f"torch {torch.__version__} has no ").removesuffix(HINT).split(", ")
    return said == lacking(", ".join(named)) and (named == [name] or (inherited and name in named))


def test_the_releases_that_were_tried_are_those_that_are_asked_for() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]

    (wanted,) = (Requirement(each) for each in project["dependencies"] if each.startswith("torch"))

    assert wanted == Requirement(required.REQUIREMENT)
    assert [minor for minor in range(30) if f"2.{minor}.1" in wanted.specifier] == [13, 14, 15]
    assert required.TRIED == ("2.13", "2.14", "2.15")


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("2.13.0+cpu", ""),
        ("2.14.1", ""),
        ("2.15.0.dev20261101+cu130", ""),
        ("2.16.0", "torch 2.16 was not tried: steadygraph was run with 2.13, 2.14 and 2.15"),
        ("3.0.0a0+git1234", "torch 3.0 was not tried: steadygraph was run with 2.13, 2.14 and 2.15"),
    ],
)
def test_a_release_that_nobody_tried_is_named_and_not_refused(
    version: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "__version__", version)

    torch_private.require()

    assert torch_private.untried() == said


def test_a_name_that_torch_does_not_have_is_named() -> None:
    names = [name for name in PARTS if is_removable(name)]

    said = {name: said_without(name) for name in names}

    assert len(names) > 100
    assert {name: text for name, (text, _) in said.items() if not is_named(name, text)} == {}
    assert {name for name, (_, shares) in said.items() if not shares} == {
        name for name in names if any(f"{other}.".startswith(f"{name}.") for other in required.used("tracing"))
    }


def test_a_parameter_that_a_function_of_torch_does_not_have_is_missing() -> None:
    names = [name for name in PARTS if "(" in name and tells_its_parameters(name)]

    found = {name: found_without_parameters(name) for name in names}

    assert len(names) > 20
    assert found == dict.fromkeys(names, (True, False))


def found_without_parameters(name: str) -> tuple[bool, bool]:
    """Is the function there, is its parameter, once it takes nothing by name?"""
    path = name.partition("(")[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*owner_of(path), lambda *positional: None)
        return required.has(path), required.has(name)


class Made:
    declared: int

    def __init__(self, given: int) -> None:
        self.set = given


def test_what_an_object_gets_when_it_is_made_counts_as_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "Made", Made, raising=False)

    found = [name for name in ("declared", "set", "given", "other") if required.has(f"torch.Made.{name}")]

    assert found == ["declared", "set"]
    assert required.has("torch.Made(given)")
    assert not required.has("torch.Made(other)")


def test_of_a_class_that_is_gone_the_members_are_not_named_too(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._dynamo.hooks

    monkeypatch.delattr(torch._dynamo.hooks, "Hooks")

    assert required.lacking() == ["torch._dynamo.hooks.Hooks"]


SOURCE = """
import torch
from torch import _a as a, b
if TYPE_CHECKING:
    from torch._typing_only import Hint
_MEMBERS = {"torch._m.Object": "member other(word)"}
def one(hidden):
    from torch._c import inner
    inner.function(word=hidden, **more)
    alias: Any = inner.table
    alias.entry, b.public = 1, 2
    return vars(a)["key"], hidden.attribute, other.attribute
def two():
    from torch._d import config
    inner.attribute
    with config.patch(setting=True):
        torch._e.f()
"""


def test_the_names_that_a_file_uses_are_read_off_it() -> None:
    assert required.names_in(SOURCE) == {
        "torch._a",
        "torch._a.key",
        "torch._c.inner",
        "torch._c.inner.function",
        "torch._c.inner.function(word)",
        "torch._c.inner.table",
        "torch._c.inner.table.entry",
        "torch._d.config",
        "torch._d.config.patch",
        "torch._d.config.setting",
        "torch._e",
        "torch._e.f",
        "torch._m.Object.member",
        "torch._m.Object.other(word)",
    }


def test_every_file_of_the_door_is_read() -> None:
    files = {path for path in Path(required.__file__).parent.rglob("*.py") if "torch" in path.read_text("utf-8")}
    read = {name for part in ((), required.OPTIONAL) for name in required.used(*part)}

    assert {path: required.names_in(path.read_text("utf-8")) - read for path in files} == {
        path: set() for path in files
    }


def test_back_ends_that_are_not_used_are_not_imported() -> None:
    wanted = "torch._inductor.compile_fx"
    code = f"import sys; from steadygraph.torch_private import require; require(); sys.exit({wanted!r} in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_what_inductor_takes_only_inductor_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch._inductor.config

    monkeypatch.delattr(torch, "_TorchCompileInductorWrapper")

    torch_private.require()
    with pytest.raises(TorchSupportError) as caught:
        torch_private.inductor()

    assert str(caught.value) == lacking("torch._TorchCompileInductorWrapper")
