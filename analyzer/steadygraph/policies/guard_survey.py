"""Which call violates which guard, asked of every guard by itself: all calls once more, on what they compiled."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steadygraph.compare.guard_choice import Survey, SurveyedEntry, SurveyedFrame
from steadygraph.observe.run.kept_entries import KeptEntries
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import EAGER
from steadygraph.torch_private.entries import CompiledFrame, LoneGuard
from steadygraph.torch_private.guards import GuardCheckError, GuardTree


@dataclass(frozen=True, slots=True, eq=False)
class Surveyed:
    """The survey as values, and the entries that it is about, in the same order."""

    survey: Survey
    entries: Sequence[CompiledFrame]

    def pairs(self) -> Iterator[tuple[SurveyedEntry, Sequence[LoneGuard]]]:
        """Each entry with its guards."""
        return ((value, entry.alone) for value, entry in zip(self.survey.entries, self.entries, strict=True))


def survey(bench: Bench) -> Surveyed:
    """Hold every frame of every call against all entries of its code; nothing is traced."""
    kept = bench.session.kept_entries()
    surveyor = _Surveyor(kept, list(kept.made()))
    asked = bench.session.guards_asked(surveyor, backend=EAGER)
    bench.run(asked, on_start=surveyor.start, mark=True)
    entries = tuple(
        SurveyedEntry(id(entry.code), call, bench.session.digest(entry), tuple(one.guard for one in entry.alone))
        for call, entry in surveyor.entries
    )
    return Surveyed(Survey(entries, tuple(surveyor.frames)), [entry for _, entry in surveyor.entries])


class _Surveyor:
    """Answers frames as Dynamo did in the recording, and looks at each on the way.

    Args:
        kept: Finds the entry that answers.
        entries: All that were made, with the call in which they were.
    """

    def __init__(self, kept: KeptEntries, entries: Sequence[tuple[str, CompiledFrame]]) -> None:
        self._kept, self.entries = kept, entries
        self.frames: list[SurveyedFrame] = []
        self._call = ""
        self._seen: set[tuple[object, ...]] = set()

    def start(self, call: str) -> None:
        self._call = call
        self._kept.start(call)

    def lookup(self, code: types.CodeType, f_locals: Mapping[str, Any]) -> CompiledFrame | None:
        found = self._kept.lookup(code, f_locals)
        violated = dict(self._violated(code, f_locals))
        answered = next((index for index, (_, entry) in enumerate(self.entries) if entry is found), None)
        same = self._call, id(code), answered, tuple(violated.items())
        if same not in self._seen:
            self._seen.add(same)
            self.frames.append(SurveyedFrame(self._call, id(code), answered, violated))
        return found

    def _violated(self, code: types.CodeType, f_locals: Mapping[str, Any]) -> Iterator[tuple[int, frozenset[int]]]:
        for index, (_, entry) in enumerate(self.entries):
            if entry.code is code:
                lone = enumerate(entry.alone)
                yield (
                    index,
                    frozenset(at for at, one in lone if one.tree is not None and not _holds(one.tree, f_locals)),
                )


def _holds(tree: GuardTree, f_locals: Mapping[str, Any]) -> bool:
    try:
        return tree.holds(f_locals)
    except GuardCheckError:
        return False
