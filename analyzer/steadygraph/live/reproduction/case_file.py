"""The text of a case that makes calls of a watched process again."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from steadygraph.errors import files
from steadygraph.live.reproduction import attributes, loading, models, settings
from steadygraph.live.reproduction.attributes import Place
from steadygraph.live.reproduction.kept_call import KeptCall
from steadygraph.live.reproduction.models import Building
from steadygraph.live.reproduction.objects import NotRebuiltError
from steadygraph.live.reproduction.values import Rebuilding
from steadygraph.model import PROFILE
from steadygraph.observe.run.watching import WatchedRegion

_SEEDS = {PROFILE: 0}
#: What lies beside a case, and what a case may need of Python.
_FILES = {"MODEL": "model", "INPUTS": "inputs"}
_STANDARD = ("ast", "contextlib", "io", "os", "pickle", "sys", "types")
_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Reproduced:
    """What is written as one case.

    Args:
        region: What was called.
        profile: Its profile call.
        name: Of the scenario.
        serving: The call of that.
        compile: Further keywords of ``torch.compile``.
        told: What was found, a line each.
    """

    region: WatchedRegion
    profile: KeptCall
    name: str
    serving: KeptCall
    compile: dict[str, object]
    told: Sequence[str]

    @property
    def stem(self) -> str:
        return re.sub(r"[\W_]+", "_", f"case_{self.region.name}_{self.name}")

    @property
    def calls(self) -> dict[str, KeptCall]:
        return {PROFILE: self.profile, self.name: self.serving}


def write(one: Reproduced, folder: Path, *, factory: str | None = None) -> Path:
    """Write a case and what it reads beside it; the case itself is last, and whole or not there.

    Args:
        one: What it reproduces.
        folder: Is made where it is not there.
        factory: ``package.module:function``, which makes the module; None: it is pickled.

    Returns:
        The case file.

    Raises:
        NotRebuiltError: Something cannot be made again.
        UsageError: The folder cannot be made.
        OSError: A file cannot be written.
    """
    for name, call in one.calls.items():
        if call.lost:
            raise NotRebuiltError(f"the call of {name} cannot be made again: {call.lost}")
    files.require_folder(folder)
    folder = folder.resolve()
    built = models.building(one.region, folder, factory)
    script = _Script.of_process()
    text = "\n".join(_lines(one, built, script, folder)) + "\n"
    stored = {**one.calls, "script": None}
    kept = {name: call.made if call is not None else script.made for name, call in stored.items()}
    if built.file is not None:  # first: it may not be possible
        _whole(folder / f"{one.stem}.model.pt", built.file)
    if any(made.tensors or made.objects for made in kept.values()):
        held = {name: {"tensors": made.tensors, "objects": made.objects} for name, made in kept.items()}
        _whole(folder / f"{one.stem}.inputs.pt", lambda path: torch.save(held, path))
    case = folder / f"{one.stem}.py"
    files.write(case, text)
    return case


class _Script:
    """The program of the process, as far as a case needs it."""

    def __init__(self, path: Path | None) -> None:
        self.path, self.made = path, Rebuilding()
        self.constants = [] if path is None else list(models.constants_of(path, self.made))
        self.made.forget()

    @classmethod
    def of_process(cls) -> _Script:
        return cls(models.script_of_process())


def _whole(path: Path, save: object) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save(beside)  # type: ignore[operator]
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def _lines(one: Reproduced, built: Building, script: _Script, folder: Path) -> Iterator[str]:
    texts = {name: list(_call(name, call)) for name, call in one.calls.items()}
    program = list(_program(script, folder))
    body = [*program, "", "", "def build():", f"{_INDENT}return {built.result}"]
    body += [*_state(one, built), *_context(one), *_calls(one, texts)]
    body += ["", "", f"COMPILE = {one.compile!r}"] if one.compile else []
    text = "\n".join(body)
    for name in _needed(text, script):
        text = "\n".join(["", "", inspect.getsource(getattr(loading, name)).rstrip(), text])
    yield _head(one)
    yield from _imports(text, folder, one, built, script)
    yield text


def _head(one: Reproduced) -> str:
    told = "\n".join(f"* {line}" for line in one.told)
    return (
        f'r"""{one.name} of `{one.region.name}`, as it was met in a process that runs:\n\n{told}\n\n'
        "The arguments have the structure that they had there; unless they were kept, their values come by chance.\n"
        '"""'
    )


def _imports(text: str, folder: Path, one: Reproduced, built: Building, script: _Script) -> Iterator[str]:
    """What the text of the case needs, and where modules of the user's are found."""
    theirs = {*built.modules}.union(*(call.made.modules for call in one.calls.values()), script.made.modules)
    paths = models.folders(frozenset(theirs), one.region.module if built.file is not None else None)
    paths += [] if script.path is None else [script.path.resolve().parent]
    begin = [f'{name} = at("{one.stem}.{kind}.pt")' for name, kind in _FILES.items() if f"({name}," in text]
    begin += [
        f"sys.path.insert(0, str(at({os.path.relpath(path, folder)!r})))" for path in reversed(dict.fromkeys(paths))
    ]
    whole = "\n".join([inspect.getsource(loading.at), text, *begin])
    used = [name for name in _STANDARD if re.search(rf"\b{name}\.", whole)]
    yield from ("", "from __future__ import annotations", "", *(f"import {name}" for name in used))
    yield from ("from pathlib import Path", "from typing import Any", "", "import torch", "", "")
    yield from (inspect.getsource(loading.at).rstrip(), "", "", *begin)
    yield from (f"import {name}" for name in sorted(theirs - set(_STANDARD) - {"torch"}))


def _needed(text: str, script: _Script) -> list[str]:
    """The functions of ``loading`` that the case calls, last one first."""
    wanted = {"function_in": "function_in(" in text, "Called": "Called(" in text, "stored": "stored(" in text}
    wanted["unpickler"] = "unpickler(" in text or wanted["stored"]
    wanted["definitions"] = script.path is not None
    return [name for name in ("Called", "stored", "unpickler", "function_in", "definitions") if wanted[name]]


def _program(script: _Script, folder: Path) -> Iterator[str]:
    if script.path is None:
        yield from ("", "", "script = None")
        return
    plain = {
        name: code for name, code in script.constants if not re.search(r"\b(tensor|object)_\d+\b|\bscript\.", code)
    }
    inner = ", ".join(f"{name!r}: {code}" for name, code in plain.items())
    path = os.path.relpath(script.path.resolve(), folder)
    yield from ("", "", f"script = definitions(at({path!r}), {{{inner}}})")
    if script.made.objects or script.made.tensors:
        yield 'saved, rebuilt = stored(INPUTS, "script", script)'
    yield from script.made.lines
    yield from (f"script.{name} = {code}" for name, code in script.constants if name not in plain)


def _call(name: str, call: KeptCall) -> Iterator[str]:
    yield f"torch.manual_seed({_SEEDS.get(name, 1)})"
    if call.made.objects or call.made.tensors:
        yield f"saved, rebuilt = stored(INPUTS, {name!r}, script)"
    yield from call.made.lines


def _calls(one: Reproduced, texts: dict[str, list[str]]) -> Iterator[str]:
    yield from ("", "", "def profile():", *(f"{_INDENT}{line}" for line in texts[PROFILE]))
    yield f"{_INDENT}return {one.profile.call}"
    yield from ("", "", "def serving():", *(f"{_INDENT}{line}" for line in texts[one.name]))
    yield f"{_INDENT}return {{{one.name!r}: ({one.serving.call})}}"


def _context(one: Reproduced) -> Iterator[str]:
    lines: dict[str, list[str]] = {}
    for name, call, other in ((PROFILE, one.profile, one.serving), (one.name, one.serving, one.profile)):
        lines[name] = [f"stack.enter_context({block})" for block in settings.blocks(call.ambient)]
        lines[name] += [f"{function}({value})" for function, value in settings.setters(call.ambient, other.ambient)]
    if not any(lines.values()):
        return
    yield from ("", "", "@contextlib.contextmanager", "def context(name):")
    yield f"{_INDENT}with contextlib.ExitStack() as stack:"
    if lines[PROFILE] == lines[one.name]:
        yield from (f"{_INDENT * 2}{line}" for line in lines.pop(PROFILE))
        lines.clear()
    for name, inner in lines.items():
        if inner:
            yield f"{_INDENT * 2}if name == {name!r}:"
            yield from (f"{_INDENT * 3}{line}" for line in inner)
    yield f"{_INDENT * 2}yield"


def _state(one: Reproduced, built: Building) -> Iterator[str]:
    """``before()``, where something was changed between the calls."""
    inner: dict[str, list[str]] = {}
    for name, call in one.calls.items():
        found = [*_changed(one, "attributes", call), *_changed(one, "names", call)]
        if found:
            inner[name] = found
    if not inner:
        return
    yield from ("", "", "def before(model, name):")
    yield from [f"{_INDENT}model = model.model"] if built.holder else []
    for name, statements in inner.items():
        yield f"{_INDENT}if name == {name!r}:"
        yield from (f"{_INDENT * 2}{line}" for line in statements)


def _changed(one: Reproduced, what: str, call: KeptCall) -> Iterator[str]:
    places: list[Place] = sorted(attributes.changed(getattr(one.profile, what), getattr(one.serving, what)))
    for place in places:
        yield attributes.statement(place, getattr(call, what)[place], of_model=what == "attributes")
