"""The cache of a recording, looked up once more: each frame gets the entry that Dynamo would run, guards kept."""

from __future__ import annotations

import threading
import types
from collections.abc import Iterator, Mapping
from typing import Any

from steadygraph.model import PROFILE
from steadygraph.torch_private.entries import CompiledFrame


class KeptEntries:
    """Which entries each call of a recording compiled, and which code it gave up on.

    A pass over the same calls finds the same entries without compiling any.  Dynamo asks the entry that answered last
    first; what a call compiled it compiled because no older entry answered.
    """

    def __init__(self) -> None:
        self._call = PROFILE
        self._made: dict[str, list[CompiledFrame]] = {}
        #: (call, identity of a code object) of frames that ran as plain Python.
        self._given_up: set[tuple[str, int]] = set()
        #: By identity of the code object, in the order in which they are asked.
        self._cache: dict[int, list[CompiledFrame]] = {}
        #: Several threads may be answered at once.
        self._moving = threading.Lock()
        #: Calls in which a frame that was compiled ran as plain Python: what they gave is no proof.
        self.unanswered: set[str] = set()

    # --- the recording ---------------------------------------------------------------------------

    def start(self, call: str) -> None:
        """What follows belongs to this call; in another pass, what it compiled is there from now on."""
        self._call = call
        for entry in self._made.setdefault(call, []):
            self._cache.setdefault(id(entry.code), []).append(entry)

    def compiled(self, entry: CompiledFrame) -> None:
        self._made.setdefault(self._call, []).append(entry)

    def given_up(self, code: types.CodeType) -> None:
        self._given_up.add((self._call, id(code)))

    # --- another pass ------------------------------------------------------------------------------

    def made(self) -> Iterator[tuple[str, CompiledFrame]]:
        """All entries, with the call that compiled each."""
        return ((call, entry) for call, entries in self._made.items() for entry in entries)

    def again(self) -> KeptEntries:
        """The same recording with an empty cache, for a pass from its first call on."""
        other = KeptEntries()
        other._made, other._given_up = self._made, self._given_up
        return other

    def lookup(self, code: types.CodeType, f_locals: Mapping[str, Any]) -> CompiledFrame | None:
        """The entry that answers a frame; None: it runs as plain Python."""
        entries = self._cache.get(id(code), [])
        found = next((entry for entry in [*entries] if entry.answers(f_locals)), None)
        if found is None:
            if entries and (self._call, id(code)) not in self._given_up:
                self.unanswered.add(self._call)
            return None
        with self._moving:
            entries.remove(found)
            entries.insert(0, found)
        return found
