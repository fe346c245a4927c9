"""A folder with all formats: each file whole, whatever happens on the way."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from steadygraph.errors import UsageError
from steadygraph.model import CaseReport
from steadygraph.model.run import RunReport
from steadygraph.report import folder as reports
from steadygraph.report.formats import FORMATS, renderer
from steadygraph.report.json.codec import from_json, to_json

Writer = subprocess.Popen[str]

FILES = sorted(chosen.file for chosen in FORMATS.values() if chosen.file)


@pytest.fixture
def report(broken: CaseReport, repaired: CaseReport, failed: CaseReport) -> RunReport:
    return RunReport((broken, repaired, failed), {"python": "3.11.9"}, "0.1.0")


def texts(report: RunReport) -> dict[str, str]:
    """What each file has to hold."""
    return {chosen.file: renderer(name)(report) for name, chosen in FORMATS.items() if chosen.file}


def contents(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


def test_a_report_is_written_in_all_formats_that_have_a_file(report: RunReport, tmp_path: Path) -> None:
    reports.store(report, tmp_path / "new" / "reports")

    assert contents(tmp_path / "new" / "reports") == texts(report)
    assert {"report.json", "report.sarif", "report.junit.xml", "report.md"} <= set(FILES)


def test_other_files_in_the_folder_stay(report: RunReport, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "report.json").write_text("old")

    reports.store(report, tmp_path)

    assert sorted(contents(tmp_path)) == sorted([*FILES, "mine.txt"])
    assert contents(tmp_path)["mine.txt"] == "mine"
    assert from_json(contents(tmp_path)["report.json"]) == report


def test_a_file_in_place_of_the_folder_is_told(report: RunReport, tmp_path: Path) -> None:
    (tmp_path / "reports").touch()

    with pytest.raises(UsageError) as caught:
        reports.store(report, tmp_path / "reports")

    assert str(caught.value) == (f"cannot write to {tmp_path}/reports: it is not a directory\n  hint: name a directory")


def test_a_folder_that_cannot_be_made_is_told(report: RunReport) -> None:
    with pytest.raises(UsageError) as caught:
        reports.store(report, Path("/proc/reports"))

    assert str(caught.value) == (
        "cannot make the directory /proc/reports: No such file or directory\n"
        "  hint: choose a place that you may write to"
    )


def test_a_folder_that_is_read_only_is_told(report: RunReport) -> None:
    # Where nobody may create a file, not even root, whom modes do not stop.
    with pytest.raises(UsageError) as caught:
        reports.store(report, Path("/proc"))

    assert caught.value.hint == "choose a directory that you may write to, not /proc"


def test_a_directory_in_place_of_a_file_is_told_and_nothing_is_written(report: RunReport, tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()

    with pytest.raises(UsageError) as caught:
        reports.store(report, tmp_path)

    assert caught.value.problem == f"cannot write {tmp_path}/report.md: it is a directory"
    assert [entry.name for entry in tmp_path.iterdir()] == ["report.md"]


#: Writes the report of a file into a folder, so often, where no file may grow beyond so many bytes.
WRITE = """
import resource, signal, sys
from pathlib import Path
from steadygraph.errors import UsageError
from steadygraph.report.folder import store
from steadygraph.report.json.codec import from_json
file, folder, times, limit = sys.argv[1:]
report = from_json(Path(file).read_text())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), resource.RLIM_INFINITY))
try:
    for _ in range(int(times)):
        store(report, Path(folder))
except UsageError as error:
    sys.exit(str(error))
"""


def writing(
    report: RunReport, folder: Path, *, times: int = 1, limit: int = resource.RLIM_INFINITY
) -> subprocess.Popen[str]:
    """A process that writes the report."""
    file = folder.parent / f"{report.tool_version}.json"
    file.write_text(to_json(report))
    command = [sys.executable, "-c", WRITE, str(file), str(folder), str(times), str(limit)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)


def test_a_disk_that_is_full_changes_no_file(repaired: CaseReport, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    report = RunReport((repaired,), {}, "0.1.0")
    reports.store(report, folder)
    before = contents(folder)
    # JSON comes first and fits; SARIF, with the help of all rules in it, does not.
    limit = 2 * len(before["report.json"])
    assert limit < len(before["report.sarif"])

    process = writing(replace(report, tool_version="0.2.0"), folder, limit=limit)

    assert process.communicate()[1] == (
        f"cannot write the reports to {folder}: File too large\n"
        f"  hint: make room, or name another directory; what is in {folder} is as it was\n"
    )
    assert contents(folder) == before


def test_a_run_that_is_killed_leaves_whole_files(report: RunReport, tmp_path: Path) -> None:
    many = replace(report, cases=report.cases * 8, tool_version="0.2.0")
    folder = tmp_path / "reports"
    old, new = texts(report), texts(many)
    killed = 0
    for delay_s in (0.0, 0.002, 0.01):
        reports.store(report, folder)
        process = writing(many, folder)
        _until_writing(folder, process)
        time.sleep(delay_s)
        process.kill()
        process.communicate()
        killed += process.returncode == -signal.SIGKILL

        found = contents(folder)

        assert all(found[name] in (old[name], new[name]) for name in FILES)
    assert killed


def _until_writing(folder: Path, process: Writer) -> None:
    """Until a file is being written beside those that are there."""
    known = set(os.listdir(folder))
    limit = time.monotonic() + 60
    while set(os.listdir(folder)) <= known and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.0005)


def test_two_runs_that_write_at_once_both_complete_and_mix_no_file(report: RunReport, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    first, second = (replace(report, tool_version=version, cases=report.cases * 5) for version in ("0.2.0", "0.3.0"))
    reports.store(report, folder)
    versions = [texts(each) for each in (report, first, second)]

    processes = [writing(each, folder, times=10) for each in (first, second)]
    torn = []
    while any(process.poll() is None for process in processes):
        torn += [name for name in FILES if (folder / name).read_text() not in [each[name] for each in versions]]

    assert [process.communicate()[1] for process in processes] == ["", ""]
    assert torn == []
    assert sorted(contents(folder)) == FILES
    assert all(text in [each[name] for each in versions[1:]] for name, text in contents(folder).items())


def test_new_files_have_the_permissions_of_any_new_file(report: RunReport, tmp_path: Path) -> None:
    (tmp_path / "other").touch()

    reports.store(report, tmp_path)

    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert len(modes) == 1
