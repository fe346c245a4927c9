"""One tap for all that Dynamo compiles in a process: what it sees without any case, and that it changes none of it."""

from __future__ import annotations

import gc
import threading
import types
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
import torch
from torch import nn
from torch._dynamo.testing import CompileCounter
from torch.nn.attention.flex_attention import flex_attention

from steadygraph.observe.run.tap import DynamoTap
from steadygraph.torch_private import EntryPoint
from steadygraph.torch_private.entries import BreakEvent, CapturedGraph, CompiledFrame, SkippedFrame

pytestmark = pytest.mark.usefixtures("nothing_compiled")


class Hearing:
    """Writes down the calls of one entry point."""

    def __init__(self, log: Log, point: EntryPoint) -> None:
        self.log, self.point = log, point

    #: Every call is heard.
    settled = False

    def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> object:
        self.log.calls.append((self.point, tuple(args), dict(kwargs)))
        self.log.threads.add(threading.get_ident())
        return len(self.log.calls) - 1

    def ran(self, _running: object, _graph: object, *, is_asked: bool) -> None:
        """Every call is known."""

    def asked(self, _running: object, _code: object) -> None:
        """Every call is known."""


class Log:
    """Writes down what it is told, each with the thread."""

    def __init__(self) -> None:
        self.calls: list[tuple[EntryPoint, tuple[Any, ...], dict[str, Any]]] = []
        self.ends: list[object] = []
        self.compiled: list[CompiledFrame] = []
        self.breaks: list[BreakEvent] = []
        self.failed: list[types.CodeType] = []
        self.graphs: list[CapturedGraph] = []
        self.threads: set[int] = set()

    def entry_point(self, point: EntryPoint) -> Hearing:
        return Hearing(self, point)

    def entry_returned(self, call: Any, result: Any) -> None:
        self.ends.append((call, result))

    def entry_raised(self, call: Any, error: BaseException) -> None:
        self.ends.append((call, error))

    def frame_entered(self, code: types.CodeType, f_locals: Mapping[str, Any], f_globals: Mapping[str, Any]) -> None:
        """Nothing is noted."""

    def frame_compiled(self, entry: CompiledFrame, breaks: Sequence[BreakEvent]) -> None:
        self.compiled.append(entry)
        self.breaks += breaks

    def frame_skipped(self, skipped: SkippedFrame, breaks: Sequence[BreakEvent]) -> None:
        """Nothing is noted."""

    def frame_failed(self, code: types.CodeType, breaks: Sequence[BreakEvent]) -> None:
        self.failed.append(code)

    def graph_runs(self, graph: CapturedGraph, inputs: Sequence[Any]) -> None:
        self.graphs.append(graph)

    def graph_ran(self, graph: CapturedGraph, outputs: Any) -> None:
        """Each run is in the log by its beginning."""


class Doubled(nn.Module):
    def forward(self, x: torch.Tensor, by: int = 2) -> torch.Tensor:
        return x * by


@pytest.fixture
def log() -> Log:
    return Log()


X = torch.arange(3.0)


def plain(x: torch.Tensor, by: float = 2.0) -> torch.Tensor:
    return x * by


def in_place(module: nn.Module) -> nn.Module:
    module.compile(backend="eager")
    return module


@pytest.mark.parametrize(
    ("compiled", "traced"),
    [
        (lambda: torch.compile(plain, backend="eager"), plain.__code__),
        (lambda: torch.compile(Doubled(), backend="eager"), Doubled.forward.__code__),
        (lambda: in_place(Doubled()), Doubled.forward.__code__),
        (lambda: torch.compile(Doubled().forward, backend="eager"), Doubled.forward.__code__),
    ],
    ids=["function", "module", "module in place", "method"],
)
def test_whatever_torch_compile_gives_back_is_seen_when_it_is_called(
    compiled: Callable[[], Any], traced: types.CodeType, log: Log
) -> None:
    function = compiled()

    with DynamoTap(log).installed():
        result = function(X, by=4)

    ((point, args, kwargs),) = log.calls
    assert (point.traced.__code__, args, kwargs) == (traced, (X,), {"by": 4})
    assert [entry.code for entry in log.compiled] == [traced]
    assert log.ends == [(0, result)]
    assert torch.equal(result, X * 4)


def test_options_of_an_entry_point_are_told(log: Log) -> None:
    options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
    strict = torch.compile(plain, backend="eager", fullgraph=True, dynamic=True, recompile_limit=3)
    loose = torch.compile(Doubled().forward, backend="eager", options=options)

    with DynamoTap(log).installed():
        strict(X)
        loose(X)

    told = [(one.fullgraph, one.dynamic, one.recompile_limit, one.filters_guards) for one, _, _ in log.calls]
    assert told == [(True, True, 3, False), (False, None, None, True)]


def test_each_call_runs_its_graph_and_only_the_first_is_compiled(log: Log) -> None:
    function = torch.compile(plain, backend="eager")

    with DynamoTap(log).installed():
        for _ in range(3):
            function(X)

    assert len(log.calls) == 3
    assert [graph.entry for graph in log.graphs] == [log.compiled[0]] * 3


def test_a_back_end_is_asked_as_often_as_without_the_tap(log: Log) -> None:
    def compilations(tapped: bool) -> tuple[int, int]:
        torch.compiler.reset()
        counter = CompileCounter()
        function = torch.compile(plain, backend=counter)
        for by in (1.0, 1.0, 2.0, 3.0):
            if tapped:
                with DynamoTap(log).installed():
                    function(X, by)
            else:
                function(X, by)
        return counter.frame_count, counter.op_count

    assert compilations(tapped=True) == compilations(tapped=False)


def test_what_was_compiled_under_the_tap_answers_without_it_and_tells_nobody(log: Log) -> None:
    counter = CompileCounter()
    function = torch.compile(plain, backend=counter)
    tap = DynamoTap(log)
    with tap.installed():
        function(X)
    tap.close()
    told = len(log.calls), len(log.graphs)

    function(X)

    assert counter.frame_count == 1
    assert (len(log.calls), len(log.graphs)) == told


def test_what_was_compiled_before_the_tap_answers_under_it(log: Log) -> None:
    counter = CompileCounter()
    function = torch.compile(plain, backend=counter)
    function(X)

    with DynamoTap(log).installed():
        function(X)

    assert (counter.frame_count, len(log.calls), log.compiled) == (1, 1, [])


def test_guards_that_an_entry_point_drops_are_known_all_the_same(log: Log) -> None:
    options = {"guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
    function = torch.compile(plain, backend="eager", options=options)

    with DynamoTap(log).installed():
        function(X, 1.5)
        result = function(X, 2.5)

    (entry,) = log.compiled
    assert torch.equal(result, X * 1.5)  # as without the tap: nobody looks
    assert entry.answers({"x": X, "by": 2.5})
    assert entry.guard_tree.holds({"x": X, "by": 1.5})
    assert not entry.guard_tree.holds({"x": X, "by": 2.5})


def test_an_exception_of_the_function_is_told_and_raised(log: Log) -> None:
    @torch.compile(backend="eager")
    def refusing(x: torch.Tensor) -> torch.Tensor:
        raise ValueError("no")

    with DynamoTap(log).installed(), pytest.raises(ValueError, match="no") as raised:
        refusing(X)

    assert log.ends == [(0, raised.value)]


def test_a_graph_break_is_told_and_the_rest_runs(log: Log) -> None:
    @torch.compile(backend="eager")
    def breaking(x: torch.Tensor) -> torch.Tensor:
        x = x + 1
        torch._dynamo.graph_break()
        return x * 2

    with DynamoTap(log).installed():
        result = breaking(X)

    assert torch.equal(result, (X + 1) * 2)
    assert len(log.breaks) == 1
    assert len(log.graphs) == 2


def test_a_function_that_is_called_by_a_traced_one_is_no_entry_point(log: Log) -> None:
    inner = torch.compile(plain, backend="eager")
    outer = torch.compile(lambda x: inner(x) + 1, backend="eager")

    with DynamoTap(log).installed():
        outer(X)

    assert len(log.calls) == len(log.compiled) == 1


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
def test_what_flex_attention_compiles_for_itself_is_no_entry_point(log: Log) -> None:
    x = torch.linspace(-1, 1, 64).reshape(1, 1, 4, 16)

    with DynamoTap(log).installed():
        flex_attention(x, x, x)

    assert log.calls == []


def test_calls_of_all_threads_are_seen(log: Log) -> None:
    function = torch.compile(plain, backend="eager")

    with DynamoTap(log).installed():
        threads = [threading.Thread(target=function, args=(X,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert len(log.calls) == len(log.ends) == 3
    assert threading.get_ident() not in log.threads


def test_nothing_is_told_while_compiling_is_switched_off(log: Log) -> None:
    function = torch.compile(plain, backend="eager")

    with DynamoTap(log).installed(), torch.compiler.set_stance("force_eager"):
        function(X)

    assert log.calls == []


def test_the_arguments_of_a_call_live_no_longer_for_being_told() -> None:
    class Unheeding(Hearing):
        def called(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> object:
            return 0

    class Deaf(Log):
        def entry_point(self, point: EntryPoint) -> Hearing:
            return Unheeding(self, point)

        def entry_returned(self, call: Any, result: Any) -> None:
            """Nothing is kept."""

        def frame_compiled(self, entry: CompiledFrame, breaks: Sequence[BreakEvent]) -> None:
            """Nothing is kept."""

        def graph_runs(self, graph: CapturedGraph) -> None:
            """Nothing is kept."""

    function = torch.compile(plain, backend="eager")
    function(X)
    x = X.clone()
    gone = weakref.ref(x)
    gc.disable()
    try:
        with DynamoTap(Deaf()).installed():
            function(x)
        del x

        assert gone() is None
    finally:
        gc.enable()
