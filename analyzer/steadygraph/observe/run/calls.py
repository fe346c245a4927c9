"""The calls that are under way, and which thread makes them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from steadygraph.observe.run.watching import OpenCall


class _Thread(threading.local):
    """What a thread is doing.  Nothing is inherited: a thread that a region starts runs on its own."""

    def __init__(self) -> None:
        self.open: list[OpenCall] = []
        #: Locals of the frame that an entry made after the profile call was last asked about, by identity of the entry:
        #: guards, which fill this, must hold neither the entry nor the session, since nobody collects such a cycle.
        self.asked: dict[int, Mapping[str, Any]] = {}

    def ask(self, entry_id: int, f_locals: Mapping[str, Any]) -> None:
        self.asked[entry_id] = f_locals


class OpenCalls:
    """Calls that have begun and not ended, of all threads; one thread makes them in an order, the others do not.

    Args:
        ordered: False: nobody asks for an order, and each is observed as it ends.
    """

    def __init__(self, *, ordered: bool = True) -> None:
        self._ordered = ordered
        self._thread = _Thread()
        self._running: list[OpenCall] = []
        self._driver = threading.get_ident()
        #: Ended calls of other threads than the driver.
        self._elsewhere: list[OpenCall] = []

    def drive(self) -> None:
        """From here on the current thread is the one whose calls come in an order."""
        self._driver = threading.get_ident()

    @property
    def in_order(self) -> bool:
        """Is this the thread whose calls come in an order?"""
        return not self._ordered or threading.get_ident() == self._driver

    @property
    def innermost(self) -> OpenCall | None:
        """The call that this thread is in."""
        return self._thread.open[-1] if self._thread.open else None

    @property
    def any(self) -> bool:
        """Is any thread in a call?"""
        return bool(self._running)

    def has(self, call: OpenCall) -> bool:
        """Is this thread in this call?"""
        return call in self._thread.open

    @property
    def depth(self) -> int:
        """How many calls this thread is in, one in the other."""
        return len(self._thread.open)

    def abandon(self, depth: int) -> None:
        """Forget the calls of this thread that are deeper than this: nobody will hear of their end."""
        while len(self._thread.open) > depth:
            self._running.remove(self._thread.open.pop())

    def begin(self, call: OpenCall) -> None:
        for other in [one for one in self._running if one not in self._thread.open]:
            other.overlaps = call.overlaps = True
        self._running.append(call)
        self._thread.open.append(call)

    def end(self, call: OpenCall) -> None:
        """A call of the driver is the caller's to observe; one of another thread waits for :meth:`settled`."""
        self._thread.open.pop()
        self._running.remove(call)
        if not self._thread.open:
            self._thread.asked.clear()
        if not call.in_order:
            self._elsewhere.append(call)

    def settled(self) -> list[OpenCall]:
        """The ended calls of other threads, in an order that does not depend on which came first.

        Nor does what was compiled: it is counted for the first of them that runs it.
        """
        calls, self._elsewhere = sorted(self._elsewhere, key=lambda call: call.looks), []
        for call in calls:
            for entry in [*call.compiled]:
                first = next((c for c in calls if c.call == call.call and c.ran(entry)), call)
                call.compiled.remove(entry)
                first.compiled.append(entry)
        return calls

    # --- locals that guards were asked about -----------------------------------------------------

    @property
    def ask(self) -> Any:
        """What a guard of an entry may call, with the entry's identity and a frame's locals; it holds no call."""
        return self._thread.ask

    def asked(self, entry_id: int) -> Mapping[str, Any] | None:
        """The locals that this thread last asked the entry about; None from the second time on."""
        return self._thread.asked.pop(entry_id, None)

    def forget_asked(self) -> None:
        """Let all of these locals of this thread go: somebody else has asked guards about them."""
        self._thread.asked.clear()
