"""What a worker is asked to do, and where: plain data, sent as JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from steadygraph.case.case import Case
from steadygraph.config import Probing, Settings
from steadygraph.model import CaseReport, Policy

Analyze = Callable[[Case, Settings], CaseReport]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a process has from the one that it works for, taken when that asks; None: the folder is gone."""

    folder: str | None
    environment: Mapping[str, str]
    search_path: tuple[str, ...]
    arguments: tuple[str, ...]

    @classmethod
    def here(cls) -> Self:
        try:
            folder = os.getcwd()
        except OSError:
            folder = None
        return cls(folder, dict(os.environ), tuple(sys.path), tuple(sys.argv))

    def enter(self, before: Mapping[str, str]) -> None:
        """Make this process have the same.

        Args:
            before: The environment that this process began with: what it has set since then stays.
        """
        if self.folder is not None:
            with contextlib.suppress(OSError):  # another target has removed it, and its own file is gone as well
                os.chdir(self.folder)
        for name in before.keys() - self.environment.keys():
            os.environ.pop(name, None)
        os.environ.update({name: value for name, value in self.environment.items() if before.get(name) != value})
        sys.path[:] = self.search_path
        sys.argv[:] = self.arguments


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is asked to do.

    Args:
        target: The target, as it was written.
        case_file: The case of a class.
        settings: What the engine needs to know.
        timeout_s: After this time the stack is written down, for the parent to find.
        memory_limit_bytes: More than this the processes of the target may not have; None: as much as they like.
        silent: Throw away what the target prints.
        threads: How many threads torch may use, because other targets run beside this one; None: as many as it likes.
        record: Send the recording, too.
        engine: ``module:function``; None: ``steadygraph.engine.engine.analyzed``.
        surroundings: Where it works.
        slow_packs: Packs of rules that the parent has waited for in vain, and why they are left out.
        preload: Modules that are imported once, in the server that workers are forked from.
    """

    target: str
    case_file: str | None
    settings: Settings
    timeout_s: float | None
    memory_limit_bytes: int | None = None
    silent: bool = False
    threads: int | None = None
    record: bool = False
    engine: str | None = None
    surroundings: Surroundings = field(default_factory=Surroundings.here)
    slow_packs: Mapping[str, str] = field(default_factory=dict)
    preload: tuple[str, ...] = ()

    def to_bytes(self) -> bytes:
        return json.dumps(dataclasses.asdict(self)).encode("ascii")  # escapes what is no UTF-8 in a path, too

    @classmethod
    def from_bytes(cls, content: bytes) -> Self:
        values: dict[str, Any] = json.loads(content)
        settings, surroundings = _with_tuples(values["settings"]), _with_tuples(values["surroundings"])
        if settings["probing"] is not None:
            settings["probing"] = Probing(**settings["probing"])
        if settings["policies"] is not None:
            settings["policies"] = tuple(map(Policy, settings["policies"]))
        values |= {"settings": Settings(**settings), "surroundings": Surroundings(**surroundings)}
        return cls(**_with_tuples(values))


def importable(function: Callable[..., Any]) -> str:
    """``module:function``, by which a worker finds it."""
    return f"{function.__module__}:{function.__qualname__}"


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
