"""A process under watch: what is found is what a case would find, and what the process does is what it does alone."""

from __future__ import annotations

import gc
import inspect
import os
import re
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.live.model import DROPPED, Decoder, decoder, served
from torch import nn
from torch._dynamo.testing import CompileCounter

from steadygraph import UsageError, watch
from steadygraph.live.watch import Watching
from steadygraph.model import PROFILE, Policy, Result

pytestmark = pytest.mark.usefixtures("nothing_compiled")


@pytest.fixture
def lines() -> list[str]:
    return []


def line_of(text: str) -> str:
    """A line of the model's file, as findings name it."""
    source = inspect.getsourcelines(inspect.getmodule(Decoder))[0]  # type: ignore[arg-type]
    return f"tests/live/model.py:{next(n for n, line in enumerate(source, 1) if text in line)}"


def values(model: Decoder, compiled: Callable[..., Any]) -> list[torch.Tensor]:
    return list(served(model, compiled))


@pytest.mark.parametrize(
    ("options", "backend"),
    [(None, "eager"), (DROPPED, "eager"), (DROPPED, "inductor")],
    ids=["kept", "dropped", "dropped inductor"],
)
def test_a_process_gives_the_same_bits_with_and_without_a_watch(options: Any, backend: str) -> None:
    found = []
    for watched in (False, True):
        torch.compiler.reset()
        model = decoder()
        compiled = torch.compile(model, backend=backend, dynamic=True, options=dict(options) if options else None)
        if watched:
            with watch(tell=[].append):
                found.append(values(model, compiled))
        else:
            found.append(values(model, compiled))

    assert all(torch.equal(alone, seen) for alone, seen in zip(*found, strict=True))


def test_recompilations_are_told_with_path_values_and_line(lines: list[str]) -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True)

    with watch(tell=lines.append) as watching:
        values(model, compiled)

    assert lines == [
        "steadygraph: warning SG101 [serving-2] argument `deepstack` is None at profile, dict with 1 tensor at "
        f"serving ({line_of('if deepstack is not None')})",
        "steadygraph: warning SG301 [serving-3] attribute `self.doubled` is False at profile, True at serving "
        f"({line_of('if self.doubled')})",
    ]
    assert [f"steadygraph: {f.severity} {f.rule} [{f.scenario}]" for f in watching.findings] == [
        line[: line.index("]") + 1] for line in lines
    ]


def test_dropped_guards_are_ranked_by_what_the_graph_lacks(lines: list[str]) -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True, options=dict(DROPPED))

    with watch(tell=lines.append, every=4) as watching:
        values(model, compiled)

    report = watching.report()
    image, flag = report.findings
    assert [(f.rule, f.scenario, f.severity.value) for f in (image, flag)] == [
        ("SG101", "serving-2", "error"),
        ("SG301", "serving-3", "error"),
    ]
    assert image.lacks is not None
    assert (image.lacks.missing_inputs, image.lacks.missing_ops) == (("deepstack['d0']",), (("add", 1),))
    outcome = report.outcome("serving-2", Policy.DROP)
    assert (outcome.result, outcome.predicted) == (Result.UNPROVED, Result.SILENT_WRONG)
    assert lines[0].startswith("steadygraph: error SG101 [serving-2] argument `deepstack` is None at profile")


def test_what_is_dropped_and_makes_no_other_graph_is_no_more_than_a_note(lines: list[str]) -> None:
    class Scaled(nn.Module):
        def forward(self, x: torch.Tensor, name: str) -> torch.Tensor:
            return x * 2 if name else x

    compiled = torch.compile(Scaled(), backend="eager", options=dict(DROPPED))

    with watch(tell=lines.append) as watching:
        compiled(torch.ones(3), "first")
        compiled(torch.ones(3), "second")

    assert lines == []
    assert {finding.severity.value for finding in watching.findings} <= {"note"}


def test_each_structure_is_traced_once_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    from steadygraph.observe.run import shadow

    traced: list[object] = []
    trace = shadow.traced
    monkeypatch.setattr(shadow, "traced", lambda *args: (traced.append(args), trace(*args))[1])
    compiled = torch.compile(decoder(), backend="eager", dynamic=True, options=dict(DROPPED))

    with watch(tell=[].append) as watching:
        compiled(torch.ones(3, 4))
        for rows in range(2, 12):
            compiled(torch.ones(rows, 4))
            compiled(torch.ones(rows, 4), {"d0": torch.ones(4)})

    seen = {call.name: call.seen.calls for call in watching.recording().calls if call.seen}
    assert (len(traced), seen) == (1, {PROFILE: 1, "serving-1": 10, "serving-2": 10})


def test_no_back_end_is_asked_more_often() -> None:
    def compilations(watched: bool) -> int:
        torch.compiler.reset()
        counter, model = CompileCounter(), decoder()
        compiled = torch.compile(model, backend=counter, dynamic=True)
        if not watched:
            values(model, compiled)
            return int(counter.frame_count)
        with watch(tell=[].append):
            values(model, compiled)
        return int(counter.frame_count)

    assert compilations(watched=True) == compilations(watched=False)


def test_everything_before_serving_starts_is_warm_up(lines: list[str]) -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True)
    x, image = torch.ones(3, 4), {"d0": torch.ones(4)}

    with watch(tell=lines.append) as watching:
        compiled(x)
        compiled(x, image)
        del lines[:]
        watching.serving_starts()
        compiled(x)
        compiled(x, image)
        assert lines == []
        model.doubled = True
        compiled(x)

    assert [finding.rule for finding in watching.findings] == ["SG301"]
    assert len(lines) == 1


def test_one_module_is_watched_alone() -> None:
    one, other = decoder(), decoder()
    compiled = torch.compile(one, backend="eager"), torch.compile(other, backend="eager")

    with watch(compiled[0], tell=[].append) as watching:
        for function in compiled:
            function(torch.ones(3, 4))

    assert [region.guards > 0 for region in watching.recording().regions] == [True]


def test_a_function_is_watched_alone_and_one_that_is_not_compiled_is_refused() -> None:
    def plain(x: torch.Tensor) -> torch.Tensor:
        return x + 1

    compiled = torch.compile(plain, backend="eager")

    with watch(compiled, tell=[].append) as watching:
        compiled(torch.ones(2))
    with pytest.raises(UsageError) as refused:
        watch(plain)

    assert [region.name.rpartition(".")[2] for region in watching.recording().regions] == ["plain"]
    assert str(refused.value) == (
        f"{plain.__qualname__} is not compiled\n"
        "  hint: give what torch.compile returned, a module, or nothing for all of the process"
    )


def test_methods_under_torch_compile_are_a_region_for_each_object() -> None:
    class Compiled(nn.Module):
        def __init__(self, by: int) -> None:
            super().__init__()
            self.by = by

        @torch.compile(backend="eager")
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * self.by

    two, three = Compiled(2), Compiled(3)

    with watch(tell=[].append) as watching:
        results = [module(torch.ones(2)) for module in (two, three, two, three)]

    assert [result.tolist() for result in results] == [[2, 2], [3, 3], [2, 2], [3, 3]]
    assert len(watching.recording().regions) == 2


def test_structures_beyond_the_limit_are_counted(lines: list[str]) -> None:
    def first(items: list[torch.Tensor]) -> torch.Tensor:
        return items[0] * len(items)

    compiled = torch.compile(first, backend="eager", recompile_limit=20)

    with watch(structures=2, tell=lines.append) as watching:
        for length in (1, 2, 3, 4, 5):
            compiled([torch.ones(2)] * length)

    recording = watching.recording()
    assert [call.name for call in recording.calls] == [PROFILE, "serving-1", "serving-2"]
    beyond = [re.sub(r"\S+\+00:00", "T", note) for note in recording.notes if "further" in note]
    name = f"{first.__qualname__}".replace("<locals>.", "")
    assert beyond == [f"`{name}`: 2 calls from T to T of further structures were counted and not looked at"]


def test_who_hears_the_lines_may_fail() -> None:
    def deaf(line: str) -> None:
        raise RuntimeError(line)

    model = decoder()
    with watch(tell=deaf) as watching:
        values(model, torch.compile(model, backend="eager", dynamic=True))

    assert [finding.rule for finding in watching.findings] == ["SG101", "SG301"]


def test_only_one_watch_stands_in_front_of_dynamo() -> None:
    with watch(tell=[].append), pytest.raises(UsageError) as refused:
        watch()

    assert str(refused.value) == (
        "the process is watched already\n  hint: close() the first watch before the next one begins"
    )
    watch(tell=[].append).close()


@pytest.mark.parametrize("number", [0, -1, True, "8"])
def test_numbers_are_at_least_one(number: Any) -> None:
    with pytest.raises(UsageError) as refused:
        watch(structures=number)

    assert str(refused.value) == f"structures is {number!r}\n  hint: write how many, 1 or more"


def test_what_was_seen_stays_when_the_watch_is_closed_and_nothing_is_heard_any_more() -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager")
    with watch(tell=[].append) as watching:
        compiled(torch.ones(3, 4))
    before = watching.recording().calls

    model.doubled = True
    compiled(torch.ones(3, 4))

    assert watching.recording().calls == before


def test_calls_of_several_threads_are_counted_and_right(lines: list[str]) -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True)
    x, image = torch.ones(3, 4), {"d0": torch.ones(4)}
    expected, right = (model(x), model(x, image)), []

    def serve() -> None:
        for _ in range(20):
            right.append(torch.equal(compiled(x), expected[0]) and torch.equal(compiled(x, image), expected[1]))

    with watch(tell=lines.append) as watching:
        compiled(x)
        threads = [threading.Thread(target=serve) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert right == [True] * 80
    assert not [line for line in lines if "watched" in line]
    assert {finding.rule for finding in watching.findings} == {"SG101"}


def test_the_report_is_on_disk_as_soon_as_something_is_found(tmp_path: Path) -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True)

    with watch(report=tmp_path / "live", tell=[].append):
        compiled(torch.ones(3, 4))
        compiled(torch.ones(3, 4), {"d0": torch.ones(4)})
        text = (tmp_path / "live" / "report.json").read_text(encoding="utf-8")

    assert '"SG101"' in text


def test_nothing_that_was_compiled_is_said() -> None:
    with watch(tell=[].append) as watching:
        pass

    report = watching.report()
    assert report.cases[0].notes == ("nothing that torch.compile made was called while the process was watched",)
    assert report.exit_code == 0


def test_a_call_that_raises_raises_the_same(lines: list[str]) -> None:
    @torch.compile(backend="eager")
    def refusing(x: torch.Tensor, fine: bool) -> torch.Tensor:
        if not fine:
            raise ValueError("no")
        return x + 1

    with watch(tell=lines.append) as watching:
        refusing(torch.ones(2), True)
        with pytest.raises(ValueError, match=r"^no$"):
            refusing(torch.ones(2), False)
        refusing(torch.ones(2), True)

    assert isinstance(watching, Watching)
    assert not [line for line in lines if "watched" in line]


def test_what_is_watched_is_kept_no_longer_than_the_watch() -> None:
    model = decoder()
    gone = weakref.ref(model)
    compiled = torch.compile(model, backend="eager")
    watching = watch(tell=[].append)
    for _ in range(3):
        compiled(torch.ones(3, 4))
    watching.close()

    del model, compiled
    gc.collect()

    assert gone() is None
    assert len(watching.report().cases[0].scenarios) == 2


def test_functions_of_one_factory_are_each_asked_about_their_own_variable(lines: list[str]) -> None:
    def factory(scale: float) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda x: x * scale

    one, two = (torch.compile(factory(scale), backend="eager") for scale in (1.0, 2.0))

    with watch(tell=lines.append):
        results = [function(torch.ones(2)).tolist() for function in (one, two, one, two)]

    assert results == [[1, 1], [2, 2], [1, 1], [2, 2]]
    (line,) = lines
    assert line.startswith("steadygraph: warning SG202 [serving-1] variable `scale` is 1.0 at profile, 2.0 at serving")


def test_a_forked_process_goes_on_whatever_another_thread_was_doing() -> None:
    compiled = torch.compile(decoder(), backend="eager")
    x, image = torch.ones(3, 4), {"d0": torch.ones(4)}
    held, done = threading.Event(), threading.Event()

    def hold(lock: Any) -> None:
        with lock:
            held.set()
            done.wait()

    with watch(tell=[].append) as watching:
        compiled(x)
        thread = threading.Thread(target=hold, args=(watching._observer._lock,))
        thread.start()
        held.wait()
        child = os.fork()
        if child == 0:
            try:
                compiled(x)
                compiled(x, image)
            finally:
                os._exit(0 if sys.exc_info()[0] is None else 1)
        done.set()
        thread.join()
        until = time.monotonic() + 60
        while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < until:
            time.sleep(0.05)
        if ended == (0, 0):
            os.kill(child, signal.SIGKILL)

    assert ended == (child, 0)
