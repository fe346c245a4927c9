"""Deliberate errors: what is wrong, with its value, and the one thing to do about it."""

from __future__ import annotations


class SteadygraphError(Exception):
    """An error that steadygraph raises on purpose.

    Args:
        problem: One sentence that names what is wrong, with the value.
        hint: The one thing to do about it, in the imperative; ``None`` if there is nothing to advise.
    """

    def __init__(self, problem: str, *, hint: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        return self.problem if self.hint is None else f"{self.problem}\n  hint: {self.hint}"

    def __reduce__(self) -> tuple[object, tuple[type[SteadygraphError], str, str | None]]:
        # Exception pickles by its args alone and would lose the hint between processes.
        return _rebuild, (type(self), self.problem, self.hint)


def _rebuild(cls: type[SteadygraphError], problem: str, hint: str | None) -> SteadygraphError:
    return cls(problem, hint=hint)


class UsageError(SteadygraphError):
    """The command line, the configuration or an argument of the Python API is wrong (exit code 2)."""


class CaseError(UsageError):
    """A case cannot be used: absent, not loadable, or not in the form of a case (exit code 2)."""


class DeviceError(UsageError, RuntimeError):
    """A device is asked for that is not simulated (exit code 2).

    torch raises a RuntimeError there: a model that is prepared for one goes on.
    """


class TargetError(SteadygraphError):
    """The analysed code failed: it crashed, hung, or its profile call raised (exit code 4)."""


class LeftOutError(TargetError):
    """The target itself says that there is nothing to analyse: it raised ``unittest.SkipTest`` (exit code 4)."""


class TorchSupportError(SteadygraphError):
    """The installed torch lacks something that steadygraph needs (exit code 3)."""
