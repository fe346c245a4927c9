"""What functions of the case raise while a call is under way, told apart from what goes wrong in steadygraph."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from steadygraph.case.checks import described
from steadygraph.errors import CaseError, SteadygraphError

#: What ends more than the call in which it is raised.
_PASSED = (SteadygraphError, KeyboardInterrupt, SystemExit)


class TheirError(Exception):
    """What a function of the case raised while a call was under way: that call fails, whatever ``raised`` is."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.raised = error


@contextmanager
def their_code() -> Iterator[None]:
    """A block in which a function of the case runs, and nothing else.

    Raises:
        TheirError: It raised; KeyboardInterrupt, SystemExit and errors of steadygraph pass unchanged.
    """
    try:
        yield
    except _PASSED:
        raise
    except BaseException as error:
        raise TheirError(error) from error


class TheirContext:
    """The context manager that a function of the case makes.

    Args:
        make: Makes it.
        label: How messages name the function.

    Raises:
        CaseError: On entry; it is none.
        TheirError: On entry and exit; its code raised anything but what it was given to swallow.
    """

    def __init__(self, make: Callable[[], Any], label: str) -> None:
        self._make = make
        self._label = label
        self._manager: Any = None

    def __enter__(self) -> Any:
        with their_code():
            self._manager = self._make()
        kind = type(self._manager)
        if not all(hasattr(kind, method) for method in ("__enter__", "__exit__")):
            hint = "return a context manager, such as torch.no_grad() or contextlib.nullcontext()"
            raise CaseError(f"{self._label} returned {described(self._manager)}, not a context manager", hint=hint)
        with their_code():
            return kind.__enter__(self._manager)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> bool:
        try:
            with their_code():
                return bool(type(self._manager).__exit__(self._manager, kind, error, trace))
        except TheirError as another:
            if another.raised is error:  # re-raised, which is what an exit need not do
                return False
            raise
