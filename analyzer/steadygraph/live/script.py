"""A script run as Python runs it, and watched from the first call on of what it compiled.

Nothing here imports torch: what a script sets before it does so, as in os.environ, is to have its effect.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import runpy
import sys
import threading
import traceback
import types
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steadygraph.errors import UsageError
from steadygraph.model.run import EXIT_INTERRUPTED

#: The part of torch that calls what was compiled.
_COMPILER = "torch._dynamo.eval_frame"
_HERE = str(Path(__file__).parents[1])
#: Where Python keeps the threads of executors, which it wakes at its end.
_EXECUTORS = {"concurrent.futures.thread": "_threads_queues", "concurrent.futures.process": "_threads_wakeups"}
#: What Python's own exit code is after an exception.
_FAILED = 1


@dataclass(frozen=True, slots=True)
class Script:
    """What is run.

    Args:
        name: The path of a file, or the name of a module.
        arguments: Those of the script.
        is_module: As in ``python -m``.
    """

    name: str
    arguments: Sequence[str] = ()
    is_module: bool = False

    def require(self) -> None:
        """Find out whether there is such a script, before anything is run.

        Raises:
            UsageError: There is none.
        """
        if self.is_module:
            return
        if not os.path.exists(self.name):
            raise UsageError(f"no such file: {self.name}", hint="give the script to run, or -m and a module")
        if not os.path.isfile(self.name):
            raise UsageError(f"{self.name} is no file", hint="give the script to run, or -m and a module")

    def run(self) -> int:
        """Run it in this process, to the end of its threads, and give the exit code that Python would give."""
        before = sys.modules["__main__"], list(sys.argv), list(sys.path)
        others = set(threading.enumerate())
        main = types.ModuleType("__main__")
        sys.modules["__main__"] = main
        try:
            code = _ended(self._module if self.is_module else self._file, main)
            _join(set(threading.enumerate()) - others)
            return code
        finally:
            sys.modules["__main__"], sys.argv[:], sys.path[:] = before

    def _file(self, main: types.ModuleType) -> None:
        path = os.path.abspath(self.name)
        sys.argv[:] = [self.name, *self.arguments]
        sys.path[0] = os.path.dirname(os.path.realpath(path))
        loader = importlib.machinery.SourceFileLoader("__main__", path)
        vars(main).update(__file__=path, __loader__=loader, __builtins__=sys.modules["builtins"], __cached__=None)
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, vars(main))

    def _module(self, main: types.ModuleType) -> None:
        sys.argv[:] = ["-m", *self.arguments]
        sys.path[0] = os.getcwd()
        vars(main).update(__builtins__=sys.modules["builtins"])
        as_main: Any = vars(runpy)["_run_module_as_main"]  # what ``python -m`` calls
        as_main(self.name)


def _ended(run: Callable[[types.ModuleType], None], main: types.ModuleType) -> int:
    """The exit code; what the script raises is printed as Python prints it, without the frames of ours."""
    try:
        run(main)
    except SystemExit as end:
        return _exit_code(end.code)
    except BaseException as error:
        own = _of_script(error.__traceback__)
        sys.excepthook(type(error), error.with_traceback(own), own)
        return EXIT_INTERRUPTED if isinstance(error, KeyboardInterrupt) else _FAILED
    return 0


def _exit_code(code: object) -> int:
    """What Python makes of the argument of ``sys.exit``."""
    if code is None or isinstance(code, int):
        return int(code or 0) & 0xFF
    print(code, file=sys.stderr)
    return _FAILED


def _of_script(trace: types.TracebackType | None) -> types.TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(_HERE):
        trace = trace.tb_next
    return trace


def _join(threads: Collection[threading.Thread]) -> None:
    """Python waits for threads at its end; they may still call what is compiled.

    Those of executors wait for work until Python itself tells them, later, that there will be none.
    """
    for thread in threads:
        if not thread.daemon and not _is_of_an_executor(thread):
            with contextlib.suppress(KeyboardInterrupt):
                thread.join()


def _is_of_an_executor(thread: threading.Thread) -> bool:
    held = (vars(sys.modules[module]).get(name, ()) for module, name in _EXECUTORS.items() if module in sys.modules)
    return any(thread in threads for threads in held)


@contextlib.contextmanager
def at_first_compiled_call(start: Callable[[], object]) -> Iterator[None]:
    """A block in which ``start`` is called before the first call of anything compiled; at once, if torch is there."""
    if _COMPILER in sys.modules:
        start()
        yield
        return
    finder = _Finder(start)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        finder.leave()


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the compiler where it is found anyway, and has its first call heard."""

    def __init__(self, start: Callable[[], object]) -> None:
        self._start = start

    def leave(self) -> None:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _COMPILER:
            return None
        self.leave()
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def loaded(module: types.ModuleType) -> None:
            execute(module)
            try:
                from steadygraph.torch_private import at_first_entry

                at_first_entry(self._start)
            except Exception:  # the script goes on, unwatched
                traceback.print_exc()

        spec.loader.exec_module = loaded  # type: ignore[method-assign]
        return spec
