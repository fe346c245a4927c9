"""``steadygraph report`` and ``--report``: a report in any format, and in all of them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from steadygraph.report.formats import FORMATS, renderer
from steadygraph.report.json.codec import from_json, to_json

from ..conftest import Ran
from .conftest import BROKEN, CLEAN, RAISING

Write = Callable[..., Path]
Cli = Callable[..., Ran]

STORED = Path(__file__).resolve().parent.parent / "data" / "report-v1.json"
FILES = sorted(chosen.file for chosen in FORMATS.values() if chosen.file)
HINT = "  hint: name a report that --format json wrote\n"
OF_RANKS = "  hint: name a report, or the directory that STEADYGRAPH_WATCH names (./rank-0.../report.json)\n"


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """The kept report, in the directory that the test works in."""
    file = tmp_path / "stored.json"
    file.write_text(STORED.read_text(encoding="utf-8"), encoding="utf-8")
    return file


# --- steadygraph report ---------------------------------------------------------------------------


def test_a_stored_report_is_shown_as_text(cli: Cli, stored: Path) -> None:
    code, out, err = cli("report", "stored.json")

    assert (code, err) == (0, "")
    assert "  error SG101 none-at-profile [masked]: silently wrong under drop, off by 0.67\n" in out
    assert out.splitlines()[-1] == "3 cases (1 failed), 1 error, 0 warnings, 0 notes, 1 accepted"


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "text"])
def test_a_stored_report_is_shown_in_any_format(cli: Cli, stored: Path, name: str) -> None:
    ran = cli("report", "stored.json", "--format", name)

    assert ran == (0, renderer(name)(from_json(stored.read_text())), "")


def test_a_report_comes_from_standard_input(cli: Cli, stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What PowerShell pipes starts with a byte order mark.
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbf" + stored.read_bytes())))

    ran = cli("report", "-", "--format", "json")

    assert ran == (0, to_json(from_json(stored.read_text())), "")


def test_verbose_text_has_the_versions(cli: Cli, stored: Path) -> None:
    assert "\npython 3.11." in cli("report", "stored.json", "-v").out


def test_with_a_severity_the_exit_code_is_that_of_the_analysis(cli: Cli, stored: Path) -> None:
    assert cli("report", "stored.json", "--fail-on", "never").code == 4


@pytest.mark.parametrize(("severity", "wanted"), [("never", 0), ("warning", 1)])
def test_with_a_severity_findings_end_with_1(cli: Cli, stored: Path, severity: str, wanted: int) -> None:
    value = json.loads(stored.read_text())
    del value["cases"][1:]
    stored.write_text(json.dumps(value))

    assert cli("report", "stored.json", "--fail-on", severity).code == wanted


def test_a_report_goes_to_a_file_and_to_a_folder(cli: Cli, stored: Path, tmp_path: Path) -> None:
    ran = cli("report", "stored.json", "--format", "markdown", "--output", "summary.md", "--report", "all")

    assert ran == (0, "", "")
    assert (tmp_path / "summary.md").read_text() == (tmp_path / "all" / "report.md").read_text()
    assert sorted(os.listdir(tmp_path / "all")) == FILES


def test_showing_a_report_imports_no_torch(stored: Path) -> None:
    code = (
        "import sys; from steadygraph.cli.main import main; code = main(sys.argv[1:]); "
        "sys.exit(code or 'torch' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "report", str(stored), "--report", str(stored.parent / "all")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("none.json", None, f"cannot read none.json: No such file or directory\n{HINT}"),
        (".", None, f". has no report of a rank\n{OF_RANKS}"),
        ("x.json", b"\xff\xfe{", f"x.json is not text in UTF-8\n{HINT}"),
        (
            "x.json",
            STORED.read_bytes().partition(b":")[0],
            "x.json: the report is not JSON: line 2, column 19: Expecting ':' delimiter\n"
            "  hint: give a whole file that was written with --format json\n",
        ),
        (
            "x.json",
            b'{"version": "2.1.0", "runs": []}',
            "x.json: this JSON is not a report of steadygraph: it has no schema_version\n"
            "  hint: give a file that was written with --format json\n",
        ),
        (
            "x.json",
            b'{"schema_version": 2}',
            "x.json: the report has schema version 2, this steadygraph reads 1\n"
            "  hint: read it with the version of steadygraph that wrote it, or analyse again\n",
        ),
    ],
)
def test_what_is_no_report_is_told_with_its_name(
    cli: Cli, stored: Path, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)

    ran = cli("report", name)

    assert ran == (2, "", f"error: {said}")


def test_an_unknown_format_is_told(cli: Cli, stored: Path) -> None:
    assert cli("report", "stored.json", "--format", "sariv") == (
        2,
        "",
        "error: unknown format 'sariv'\n  hint: did you mean sarif?\n",
    )


def test_where_it_cannot_be_written_nothing_is_printed(cli: Cli, stored: Path, tmp_path: Path) -> None:
    (tmp_path / "all").touch()

    ran = cli("report", "stored.json", "--report", "all")

    assert ran == (2, "", "error: cannot write to all: it is not a directory\n  hint: name a directory\n")


# --- steadygraph analyze --report -----------------------------------------------------------------


def test_all_formats_are_written_also_where_a_target_failed(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)
    write_case(RAISING, "raising.py")

    code, out, err = cli("analyze", "case.py", "raising.py", "none.py", "--report", "out/reports")

    written = from_json((tmp_path / "out" / "reports" / "report.json").read_text())
    assert (code, err) == (2, "")
    assert out.splitlines()[-1] == f"{written.summary}"
    assert [case.status.value for case in written.cases] == ["completed", "failed", "failed"]
    assert sorted(os.listdir(tmp_path / "out" / "reports")) == FILES


def test_all_formats_are_written_also_where_no_target_can_be_used(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    code, out, _ = cli("analyze", "none.py", "--report", "reports")

    assert (code, out) == (2, "")
    assert sorted(os.listdir(tmp_path / "reports")) == FILES


def test_the_folder_is_tried_before_anything_is_analysed(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case("open('executed', 'w').close()")

    ran = cli("analyze", "case.py", "--report", "/proc/reports")

    assert ran == (
        2,
        "",
        "error: cannot make the directory /proc/reports: No such file or directory\n"
        "  hint: choose a place that you may write to\n",
    )
    assert not (tmp_path / "executed").exists()


def test_a_folder_that_is_full_in_the_end_loses_nothing(
    cli: Cli, write_case: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(CLEAN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    code, out, err = cli("analyze", "case.py", "--report", "reports")

    assert (code, out.splitlines()[-1]) == (2, "1 case, 0 errors, 0 warnings, 0 notes")
    assert err == (
        "error: cannot write the reports to reports: No space left on device\n"
        "  hint: make room, or name another directory; what is in reports is as it was\n"
    )
    assert os.listdir(tmp_path / "reports") == []


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in ("text", "json")])
def test_an_analysis_is_printed_in_any_format(cli: Cli, write_case: Write, tmp_path: Path, name: str) -> None:
    write_case(CLEAN)

    code, out, err = cli("analyze", "case.py", "--format", name, "--report", "reports")

    written = from_json((tmp_path / "reports" / "report.json").read_text())
    assert (code, err) == (0, "")
    assert out == renderer(name)(written)
