"""Reports of several ranks as one: where each finding was seen, and which ranks are missing or differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.live.engines.conftest import Server

from steadygraph.errors import UsageError
from steadygraph.live.engines.place import Place
from steadygraph.live.engines.ranks import merged
from steadygraph.model.run import RunReport
from steadygraph.report.json import codec


@pytest.fixture
def found(server: Server) -> RunReport:
    """Of a rank that served an image."""
    server.start()
    server.serve(5)
    server.serve(3, image=True)
    return server.stored()


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., Path]:
    """Writes a report as that of a rank."""

    def write(report: RunReport, rank: int, *, ranks: int = 2, replica: int = 0, run: str = "one") -> Path:
        where = Place("vllm 0.32.0", rank, ranks, replica, run)
        folder = tmp_path / "ranks" / where.folder
        folder.mkdir(parents=True)
        own = dataclasses.replace(report, environment={**report.environment, **where.noted()})
        (folder / "report.json").write_text(codec.to_json(own), encoding="utf-8")
        return folder.parent

    return write


def without_findings(report: RunReport) -> RunReport:
    (case,) = report.cases
    return dataclasses.replace(report, cases=(dataclasses.replace(case, findings=()),))


def test_a_finding_of_all_ranks_is_one(found: RunReport, store: Callable[..., Path]) -> None:
    for rank in (0, 1, 2):
        folder = store(found, rank, ranks=3)

    (finding,) = merged(folder).findings

    assert finding.message.endswith("IntermediateTensors with 1 tensor at serving; on ranks 0, 1 and 2")
    assert finding.fingerprint == found.findings[0].fingerprint


def test_a_finding_of_one_rank_says_so(found: RunReport, store: Callable[..., Path]) -> None:
    store(without_findings(found), 0)
    folder = store(found, 1)

    report = merged(folder)

    (finding,) = report.findings
    assert finding.message.endswith("at serving; on rank 1, not on rank 0")
    assert finding.scenario == "serving-2 on rank 1"
    assert finding.scenario in [entry.name for entry in report.cases[0].scenarios]


def test_a_rank_without_a_report_is_named(found: RunReport, store: Callable[..., Path]) -> None:
    folder = store(found, 1)

    assert "rank 0 of 2 has no report (replica 0, run one): it ended early, or wrote elsewhere" in (
        merged(folder).cases[0].notes
    )


def test_replicas_and_runs_are_told_apart(found: RunReport, store: Callable[..., Path]) -> None:
    store(found, 0, ranks=1, replica=0)
    store(without_findings(found), 0, ranks=1, replica=1)
    folder = store(found, 0, ranks=1, run="two")

    report = merged(folder)

    assert report.findings[0].message.endswith(
        "; on ranks 0 (replica 0, run one) and 0 (replica 0, run two), not on rank 0 (replica 1, run one)"
    )
    assert not [note for note in report.cases[0].notes if "has no report" in note]


def test_ranks_with_other_guards_differ(found: RunReport, store: Callable[..., Path]) -> None:
    (case,) = found.cases
    (region,) = case.regions
    other = dataclasses.replace(case, regions=(dataclasses.replace(region, guards=region.guards + 1),))
    store(found, 0)
    folder = store(dataclasses.replace(found, cases=(other,)), 1)

    assert f"rank 0 has {region.guards} guards, rank 1 {region.guards + 1}" in merged(folder).cases[0].notes


def test_a_directory_without_reports_says_which_one_to_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        merged(tmp_path)

    assert str(caught.value) == (
        f"{tmp_path} has no report of a rank\n"
        f"  hint: name a report, or the directory that STEADYGRAPH_WATCH names ({tmp_path}/rank-0.../report.json)"
    )


def test_the_command_reads_what_report_wrote_to_a_directory(found: RunReport, cli: Any, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "report.json").write_text(codec.to_json(found), encoding="utf-8")

    assert cli("report", "own").out == cli("report", "own/report.json").out != ""
