"""A region called by several threads, or asyncio tasks, at once: each call is observed by itself, and in one order."""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from steadygraph.case.case import load
from steadygraph.config import Settings
from steadygraph.engine.engine import analyzed
from steadygraph.model import CaseReport, Recording
from steadygraph.model.run import RunReport
from steadygraph.observe.run.session import CompileSession
from steadygraph.observe.syncs.syncs import SyncWatch
from steadygraph.report.json.codec import to_json

#: Both workers are in front of the region before either goes on, so that each looks for compiled code in vain.
MICRO_BATCHES = """
    import asyncio
    import threading
    from concurrent.futures import ThreadPoolExecutor
    import torch
    import torch.nn as nn

    class Layer(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(4, 4))

        def forward(self, x):
            return (x @ self.weight).relu()

    class Runner(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Layer()

        def one(self, x, barrier):
            barrier.wait()
            return self.layer(x).detach()

        def forward(self, *batches):
            if len(batches) == 1:
                return self.layer(batches[0])
            barrier = threading.Barrier(len(batches))
            {run}

    def build():
        return Runner().eval()

    def regions(model):
        return [model.layer]

    def context(name):
        return torch.no_grad()

    def profile():
        return (torch.ones(2, 4),), {{}}

    def serving():
        return {{"one": ((torch.ones(2, 4),), {{}}), "two": ((torch.ones(2, 4), torch.ones(2, 4) * 2), {{}})}}
"""
THREADS = """
            with ThreadPoolExecutor(2) as pool:
                return torch.cat([*pool.map(self.one, batches, [barrier] * 2)])
"""
#: Tasks that hand their work to threads, and tasks that take turns in one.
TASKS = """
            async def task(x):
                ahead = asyncio.to_thread(self.one, x, barrier)
                with torch.enable_grad():
                    await asyncio.sleep(0)
                    here = self.layer(x).detach()
                return here + await ahead

            async def main():
                return await asyncio.gather(*map(task, batches))

            return torch.cat(asyncio.run(main()))
"""


@contextlib.contextmanager
def load_on_the_machine() -> Iterator[None]:
    """Threads take turns often, and at other places each time."""
    done = threading.Event()

    def spin() -> None:
        for number in itertools.count():
            if done.is_set():
                return
            sum(range(number % 997))

    spinning = threading.Thread(target=spin)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    spinning.start()
    try:
        yield
    finally:
        sys.setswitchinterval(before)
        done.set()
        spinning.join()


def report_of(file: Path) -> tuple[CaseReport, Recording, str]:
    report, recording = analyzed(load(str(file)), Settings())
    written = json.loads(to_json(RunReport((report,), environment={})))
    for case in written["cases"]:
        del case["duration_s"]
    return report, recording, json.dumps(written, sort_keys=True)


@pytest.mark.parametrize(("run", "runs"), [(THREADS, 15), (TASKS, 8)], ids=["threads", "tasks"])
def test_many_runs_under_load_give_one_report(write_case, run, runs):
    file = write_case(MICRO_BATCHES.format(run=run.strip()))
    alone, _, text = report_of(file)

    with load_on_the_machine():
        texts = {report_of(file)[2] for _ in range(runs)}

    assert alone.status.value == "completed", alone.error
    assert texts == {text}


def test_what_two_threads_compile_at_once_is_one_recompilation(write_case):
    file = write_case(MICRO_BATCHES.format(run=THREADS.strip()))

    _, recording, _ = report_of(file)

    assert [[one.recompiles for one in call.observations] for call in recording.calls] == [[0], [0], [1, 0]]
    assert [one.first_compiles for one in recording.calls[0].observations] == [1]
    threads = recording.calls[2].observations
    assert threads[0].violated_guards == threads[1].violated_guards != ()


class Scaled(nn.Module):
    def forward(self, x, scale):
        return x * scale


def test_a_compilation_belongs_to_the_thread_that_asked_for_it():
    model = Scaled()
    inside, go_on = threading.Event(), threading.Event()

    class Waiting(nn.Module):
        def forward(self, x):
            torch._dynamo.graph_break()
            inside.set()
            go_on.wait(60)
            return x

    waiting = Waiting()
    session = CompileSession([("waiting", waiting), ("scaled", model)], options={"dynamic": False}, backends={})
    x = torch.ones(2)

    with session.guards_kept(), session.calling():
        session.start("profile")
        model(x, 1)
        session.start("serving")
        other = threading.Thread(target=waiting, args=(x,))
        other.start()
        inside.wait(60)
        model(x, 2)  # while the other thread is in the midst of its call
        go_on.set()
        other.join()

    found = {(one.region, one.recompiles) for one in session.observations if one.call == "serving"}
    assert found == {("scaled", 1), ("waiting", 0)}
    session.close()


@pytest.mark.parametrize("rows", [(4, 5), (5, 4)], ids=["in order", "the other way round"])
def test_what_one_thread_compiled_for_all_is_counted_for_the_same_call_whoever_came_first(rows):
    model = Scaled()
    session = CompileSession([("", model)], options={"dynamic": True}, backends={})

    with session.guards_kept(), session.calling():
        session.start("profile")
        model(torch.ones(3), 1.0)
        session.start("serving")
        for count in rows:
            thread = threading.Thread(target=model, args=(torch.ones(count, dtype=torch.float64), 1.0))
            thread.start()
            thread.join()

    found = [(one.inputs, one.recompiles) for one in session.observations if one.call == "serving"]
    assert ["[4]" in repr(inputs) or "(4,)" in repr(inputs) for inputs, _ in found] == [True, False]
    assert [recompiles for _, recompiles in found] == [1, 0]
    session.close()


def test_a_block_of_allow_sync_is_of_the_thread_that_is_in_it():
    watch = SyncWatch()
    seen = []

    with watch.watching():
        ledger = watch._ledger

        def elsewhere() -> None:
            with ledger.allowed("not yours"):
                seen.append(ledger._reason())
                entered.set()
                left.wait(60)

        entered, left = threading.Event(), threading.Event()
        other = threading.Thread(target=elsewhere)
        other.start()
        entered.wait(60)
        torch.ones(2).sum().item()
        left.set()
        other.join()

    assert seen == ["not yours"]
    assert [sync.allowed for sync in watch.syncs()] == [None]
