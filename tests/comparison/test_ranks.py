"""Ranks of one service: what is not the same, what is missing, and that nothing is ever the same for lack of data."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadygraph.history.ranks import RankReports, compared
from steadygraph.history.ranks.formats import text
from steadygraph.model import (
    Aspect,
    CaseReport,
    Difference,
    Graph,
    Location,
    Region,
    RegionCall,
    ScenarioReport,
    Seen,
    Status,
)
from steadygraph.model.run import RunReport
from steadygraph.report.json.codec import to_json

from ..conftest import Ran

Cli = Callable[..., Ran]

PLACE = Location("model.py", 3, "forward")
LONGER = Difference("x.shape[0]", Aspect.SHAPE, "4", "8")


def graph(digest: str, *lines: int) -> Graph:
    return Graph(digest, (), (), PLACE, lines=tuple(Location("model.py", n, "forward", f"line {n}") for n in lines))


def call(*graphs: str, guards: str = "g", types: dict[str, int] | None = None) -> RegionCall:
    return RegionCall("block", graphs, guards, tuple((types or {"TENSOR_MATCH": 2}).items()))


def scenario(name: str, one: RegionCall, calls: int = 1, *differences: Difference) -> ScenarioReport:
    return ScenarioReport(name, differences, calls=(one,), seen=Seen(calls, "", ""))


def report(*scenarios: ScenarioReport, **changed: Any) -> RunReport:
    case = CaseReport(
        "serve.py",
        Status.COMPLETED,
        1.0,
        regions=(Region("block", PLACE, 1, 1, 0),),
        scenarios=scenarios or (scenario("profile", call("A")),),
        graphs=(graph("A", 3, 4), graph("B", 3, 7)),
    )
    return RunReport((dataclasses.replace(case, **changed),), environment={"torch": "2.13.0"})


def told(*reports: RunReport, world_size: int | None = None) -> list[str]:
    given = RankReports(dict(enumerate(reports)), world_size or len(reports))
    return text(compared(given), width=400).splitlines()


def test_ranks_that_are_alike_are_the_same() -> None:
    both = compared(RankReports({0: report(), 1: report()}, 2))

    assert both.is_same
    assert text(both) == "ranks 0 and 1: 1 call of a region compared; no difference between them\n"


@pytest.mark.parametrize(
    ("other", "line"),
    [
        (
            report(scenario("profile", call("B"))),
            "graphs     graphs of block in profile: ranks 0 and 2: graphs 1; rank 1: graphs 2; "
            "they part at model.py:4 (line 4)",
        ),
        (
            report(scenario("profile", call("A", guards="h", types={"TENSOR_MATCH": 3}))),
            "guards     guards of block in profile: ranks 0 and 2: TENSOR_MATCH 2; rank 1: TENSOR_MATCH 3",
        ),
        (
            report(scenario("profile", call("A"), 5)),
            "counts     block in profile: ranks 0 and 2: 1 call; rank 1: 5 calls",
        ),
        (
            report(scenario("profile", call("A")), scenario("serving-1", call("A"), 2, LONGER)),
            "structures block in calls with x.shape[0] 8: ranks 0 and 2: no such call; rank 1: 2 calls",
        ),
        (
            report(regions=()),
            "regions    what is compiled: ranks 0 and 2: block; rank 1: none",
        ),
        (
            report(status=Status.FAILED, scenarios=()),
            "result     the result: ranks 0 and 2: completed; rank 1: failed",
        ),
    ],
    ids=["graphs", "guards", "counts", "structures", "regions", "result"],
)
def test_what_is_not_the_same_is_told_with_the_ranks(other: RunReport, line: str) -> None:
    assert told(report(), other, report()) == [line, told(report(), other, report())[-1]]
    assert not compared(RankReports({0: report(), 1: other}, 2)).is_same


def test_calls_are_matched_by_what_they_are_not_by_their_numbers() -> None:
    shorter = Difference("x.shape[0]", Aspect.SHAPE, "4", "2")
    one = report(scenario("serving-1", call("A"), 3, LONGER), scenario("serving-2", call("B"), 1, shorter))
    other = report(scenario("serving-1", call("B"), 1, shorter), scenario("serving-2", call("A"), 3, LONGER))

    assert compared(RankReports({0: one, 1: other}, 2)).differences == ()


def test_guards_of_other_values_are_a_note() -> None:
    """A rank has a number of its own, and a device: they are in its guards, and make it run in no other way."""
    found = compared(RankReports({0: report(), 1: report(scenario("profile", call("A", guards="h")))}, 2))

    assert found.is_same
    assert text(found, width=400).splitlines()[0] == (
        "note       guards of block in profile: of other values, and as many of each type, in rank 0 and rank 1"
    )


def test_without_data_nothing_is_the_same() -> None:
    nothing = report(scenarios=(), regions=())

    found = compared(RankReports({0: nothing, 1: nothing}, 2))

    assert not found.is_same
    assert text(found, width=400) == (
        "ranks 0 and 1: 0 calls of regions compared; there is nothing to compare, which proves nothing\n"
    )


# --- files --------------------------------------------------------------------------------------------


def written(folder: Path, reports: dict[str, RunReport]) -> Path:
    for name, one in reports.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(to_json(one), encoding="utf-8")
    return folder


def test_a_rank_that_is_missing_is_no_success(cli: Cli, tmp_path: Path) -> None:
    written(tmp_path / "ranks", {f"rank{rank}/report.json": report() for rank in (0, 1, 3)})

    gap = cli("compare", "--ranks", "ranks")
    tail = cli("compare", "--ranks", "ranks", "--world-size", "5")

    assert (gap.code, tail.code) == (1, 1)
    assert " ".join(gap.out.split()) == (
        "ranks 0, 1 and 3: 1 call of a region compared; no report of rank 2; no difference between them; "
        "no report says how many ranks there are: give --world-size"
    )
    assert "no report of ranks 2 and 4;" in tail.out


@pytest.mark.parametrize("name", ["world_size", "ranks"], ids=["torchrun", "an engine"])
def test_how_many_there_are_may_stand_in_the_reports(cli: Cli, tmp_path: Path, name: str) -> None:
    three = [dataclasses.replace(report(), environment={"torch": "2.13.0", name: "3"}) for _ in range(2)]
    written(tmp_path / "ranks", {f"rank-{rank}.json": one for rank, one in enumerate(three)})

    code, out, err = cli("compare", "--ranks", "ranks", "--format", "json")

    document = json.loads(out)
    assert (code, err) == (1, "")
    assert (document["same"], document["ranks"], document["missing"]) == (False, [0, 1], [2])


@pytest.mark.parametrize(
    ("names", "arguments", "said"),
    [
        (
            ["other.json"],
            ("--ranks", "ranks"),
            "ranks has no report of a rank\n  hint: a report of rank 0 is DIR/rank0/report.json or DIR/rank0.json",
        ),
        (
            ["rank0.json"],
            ("--ranks", "ranks"),
            "ranks has the report of rank 0 alone\n  hint: nothing can be compared",
        ),
        (
            ["rank0.json", "rank0/report.json"],
            ("--ranks", "ranks"),
            "ranks/rank0 and ranks/rank0.json are both of rank 0\n  hint: keep one of them",
        ),
        (
            ["rank0.json", "rank2.json"],
            ("--ranks", "ranks", "--world-size", "2"),
            "ranks/rank2.json is of rank 2, and there are 2\n  hint: check the number",
        ),
        (
            ["rank0.json"],
            ("ranks/rank0.json",),
            "compare takes two reports\n  hint: name an older and a newer one, or ranks with --ranks DIR",
        ),
        (
            ["rank0.json"],
            ("ranks/rank0.json", "ranks"),
            "ranks is a directory, and ranks/rank0.json is not\n  hint: compare two reports, or two sweeps",
        ),
    ],
)
def test_what_cannot_be_compared_is_wrong_use(
    cli: Cli, tmp_path: Path, names: list[str], arguments: tuple[str, ...], said: str
) -> None:
    written(tmp_path / "ranks", dict.fromkeys(names, report()))

    code, out, err = cli("compare", *arguments)

    assert (code, out) == (2, "")
    assert err.replace("ranks/rank0/report.json", "ranks/rank0") == f"error: {said}\n"


# --- two real ranks -----------------------------------------------------------------------------------

SERVICE = """
    import sys
    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo")

    class Block(torch.nn.Module):
        def __init__(self, scaled):
            super().__init__()
            self.scaled = scaled

        def forward(self, x):
            y = x + 1
            if self.scaled:
                y = y * 2
            return y

    block = torch.compile(Block("alike" not in sys.argv and dist.get_rank() == 1), backend="eager")
    for _ in range(2):
        out = block(torch.ones(4))
        dist.all_reduce(out)
    dist.destroy_process_group()
"""


def two_ranks(folder: Path, *arguments: str) -> list[int]:
    """Run the service in two processes, as torchrun does, each watched; their exit codes."""
    (folder / "serve.py").write_text(textwrap.dedent(SERVICE), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {**os.environ, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "steadygraph", "run", "--report", f"ranks/rank{rank}", "serve.py", *arguments],
            cwd=folder,
            env={**environment, "RANK": str(rank)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for rank in range(2)
    ]
    return [process.wait(timeout=300) for process in processes]


def test_two_gloo_ranks_of_which_one_takes_another_branch_part_at_its_line(cli: Cli, tmp_path: Path) -> None:
    assert two_ranks(tmp_path) == [0, 0]

    code, out, err = cli("compare", "--ranks", "ranks")

    assert (code, err) == (1, "")
    lines = (tmp_path / "serve.py").read_text(encoding="utf-8").splitlines()
    branch = next(number for number, line in enumerate(lines, 1) if "y * 2" in line)
    said = "graphs of Block in {}: rank 0: graphs 1; rank 1: graphs 2; they part at serve.py:{} (y = y * 2)"
    for kind in ("profile", "calls as the first one"):
        assert said.format(kind, branch) in " ".join(out.split())
    assert out.splitlines()[-1] == "ranks 0 and 1: 2 calls of regions compared; 2 differences"


def test_two_gloo_ranks_that_are_alike_are_the_same(cli: Cli, tmp_path: Path) -> None:
    assert two_ranks(tmp_path, "alike") == [0, 0]

    code, out, err = cli("compare", "--ranks", "ranks")

    assert (code, err) == (0, "")
    assert out == "ranks 0 and 1: 2 calls of regions compared; no difference between them\n"
