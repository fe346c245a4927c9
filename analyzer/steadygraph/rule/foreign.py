"""Rules of other people's packs, each asked in a process of its own.

What such a rule prints, changes, waits for or ends, that process alone notices: the evidence it looks at is a copy.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import faulthandler
import itertools
import json
import math
import os
import select
import signal
import sys
import time
import typing
import warnings
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from typing import Any

from steadygraph.model import Evidence, Finding, Kind
from steadygraph.redaction.text import redacted
from steadygraph.rule.rule import Example, Rule

#: How long a pack may take to be imported, and a rule for one scenario: all built-in ones take milliseconds.
MOST_S = 10.0
_LENGTH_BYTES, _MOST_BYTES, _CHUNK_BYTES = 8, 1 << 26, 1 << 16


class ForeignError(Exception):
    """What is wrong with code of a pack, in one sentence."""


class NoPackError(ForeignError):
    """It was imported, and is no pack of rules."""


class SlowError(ForeignError):
    """It took too long: whoever asks again waits as long again."""


_KINDS = {kind.__name__: kind for kind in (ForeignError, NoPackError)}


class ForeignRule(Rule):
    """A rule of a pack; the class itself stands for it in this process."""

    entry: EntryPoint
    position: int

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        """Ask the rule itself.

        Raises:
            ForeignError: It raised, ended its process, took too long, or yielded what is no finding.
        """
        made = asked(lambda: _found(self.entry, self.position, evidence), MOST_S)
        try:
            yield from _read(tuple[Finding, ...], made)
        except (TypeError, ValueError) as error:
            raise ForeignError(f"check() yielded a finding that is none: {error}") from None


def rules_of(entry: EntryPoint, check: Callable[[object], None]) -> tuple[Rule, ...]:
    """The rules of a pack, imported in no process but their own.

    Args:
        entry: Where the pack is.
        check: Raises ForeignError where an object is no pack; it is called where the pack is imported.

    Raises:
        ForeignError: Why there are none.
    """
    found = asked(lambda: _described(entry, check), MOST_S)
    return tuple(_rule(entry, position, about) for position, about in enumerate(found))


def asked(question: Callable[[], Any], most_s: float) -> Any:
    """What a function answers in a process of its own: anything that JSON can say.

    Raises:
        ForeignError: It raised, ended its process or took too long.
    """
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # Other threads do not matter: the child runs nothing but the question, and not for long.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            _answer(question, writer, most_s)
        finally:
            os._exit(1)
    os.close(writer)
    try:
        content, in_time = _received(reader, time.monotonic() + most_s)
    finally:
        os.close(reader)
        status = _ended(child)
    if not in_time:
        raise SlowError(f"it did not finish within {most_s:g} s")
    if content is None:
        raise ForeignError(f"it ended its process {_how(status)}")
    answer = json.loads(content)
    if "error" in answer:
        raise _KINDS[answer["kind"]](answer["error"])
    return answer["answer"]


def _answer(question: Callable[[], Any], writer: int, most_s: float) -> None:
    """In the child: answer, and end."""
    os.setpgid(0, 0)
    faulthandler.disable()  # a crash here is none of the process that asks
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    # Also where nobody is left who could end it.
    signal.alarm(math.ceil(most_s) + 1)
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    sys.stdout = sys.stderr = open(null, "w", encoding="utf-8")  # noqa: SIM115 (this process has no other end)
    try:
        answer = {"answer": question()}
    except ForeignError as error:
        answer = {"kind": type(error).__name__, "error": str(error)}
    except BaseException as error:
        said = redacted(str(error))
        answer = {
            "kind": ForeignError.__name__,
            "error": f"{type(error).__name__}: {said}" if said else type(error).__name__,
        }
    content = json.dumps(answer).encode()
    content = len(content).to_bytes(_LENGTH_BYTES, "big") + content
    while content:
        content = content[os.write(writer, content) :]
    os._exit(0)


def _received(reader: int, deadline: float) -> tuple[bytes | None, bool]:
    """What the child sends, None if it ends before that is whole; and whether that was in time."""
    received = bytearray()
    while True:
        left_s = deadline - time.monotonic()
        if left_s <= 0 or not select.select([reader], [], [], left_s)[0]:
            return None, False
        data = os.read(reader, _CHUNK_BYTES)
        received += data
        length = int.from_bytes(received[:_LENGTH_BYTES], "big")
        if len(received) >= _LENGTH_BYTES + length > _LENGTH_BYTES:
            return bytes(received[_LENGTH_BYTES : _LENGTH_BYTES + length]), True
        if not data or length > _MOST_BYTES:
            return None, True


def _ended(child: int) -> int:
    """End the child and all that it started, and give its status."""
    status = os.waitpid(child, os.WNOHANG)
    try:
        os.killpg(child, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        if status[0] == 0:  # it has no group of its own yet
            os.kill(child, signal.SIGKILL)
    return status[1] if status[0] else os.waitpid(child, 0)[1]


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"with exit code {code}" if code >= 0 else f"by signal {signal.Signals(-code).name}"


# --- in the process of the pack ------------------------------------------------------------------------


def _described(entry: EntryPoint, check: Callable[[object], None]) -> list[dict[str, Any]]:
    pack: Any = entry.load()
    check(pack)
    return [
        {
            "class": type(rule).__name__,
            "documentation": type(rule).__doc__,
            "code": rule.code,
            "name": rule.name,
            "kind": rule.kind.value,
            "fallback": bool(rule.fallback),
            "flagged": [dataclasses.asdict(each) for each in rule.flagged],
            "passed": [dataclasses.asdict(each) for each in rule.passed],
        }
        for rule in pack
    ]


def _found(entry: EntryPoint, position: int, evidence: Evidence) -> list[dict[str, Any]]:
    made = []
    for one in entry.load()[position].check(evidence):
        if not isinstance(one, Finding):
            raise TypeError(f"check() yielded {type(one).__name__}, not Finding")
        made.append(dataclasses.asdict(one))
    return made


# --- in the process that asks ----------------------------------------------------------------------------


def _rule(entry: EntryPoint, position: int, about: dict[str, Any]) -> Rule:
    values = {
        "__doc__": about["documentation"],
        "__module__": entry.module,
        "entry": entry,
        "position": position,
        "code": about["code"],
        "name": about["name"],
        "kind": Kind(about["kind"]),
        "fallback": about["fallback"],
        "flagged": tuple(map(_example, about["flagged"])),
        "passed": tuple(map(_example, about["passed"])),
    }
    rule: Rule = type(about["class"], (ForeignRule,), values)()
    return rule


def _example(about: dict[str, Any]) -> Example:
    values: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in about.items()}
    return Example(**values)


def _read(hint: Any, value: Any) -> Any:
    """The value of the model that JSON made this of.

    Raises:
        TypeError, ValueError: It is of another type.
    """
    kinds = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{type(value).__name__} in place of tuple")
        return tuple(map(_read, itertools.repeat(kinds[0]) if kinds[-1] is Ellipsis else kinds, value))
    if kinds:  # of a union
        for kind in kinds[:-1]:
            with contextlib.suppress(TypeError, ValueError):
                return _read(kind, value)
        return _read(kinds[-1], value)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        hints = typing.get_type_hints(hint)
        made: Any = hint
        return made(**{name: _read(hints[name], part) for name, part in value.items()})
    if issubclass(hint, enum.Enum):
        return hint(value)
    if type(value) is not hint:
        raise TypeError(f"{type(value).__name__} in place of {hint.__name__}")
    return value
