"""``analyze --record`` and ``steadygraph judge``: what was observed is judged again, where there may be no torch."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from ..conftest import Ran
from .conftest import BROKEN, CLEAN, RAISING

Write = Callable[..., Path]
Cli = Callable[..., Ran]

HINT = "  hint: give a file that analyze --record wrote\n"

#: Says that there is no torch.
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = None
from steadygraph.cli.main import main
sys.exit(main(sys.argv[1:]))
"""

CALLED_WITH_A_PATH = """
import torch
class Model(torch.nn.Module):
    def forward(self, x, where):
        return x + 1 if where.endswith("weights") else x * 2
def build(): return Model()
def profile(): return (torch.ones(2), "x"), {}
def serving(): return {
    "absolute": ((torch.ones(2), "ROOT/weights"), {}),
    "relative": ((torch.ones(2), "weights"), {}),
}
"""


@pytest.fixture
def recorded(cli: Cli, write_case: Write) -> Ran:
    """A case with an error, one without, and one that fails, in ``recording.json``; what the analysis printed."""
    for name, text in (("broken.py", BROKEN), ("clean.py", CLEAN), ("raising.py", RAISING)):
        write_case(text, name)
    return cli("analyze", "broken.py", "clean.py", "raising.py", "--format", "json", "--record", "recording.json")


def without_durations(report: str) -> object:
    document = json.loads(report)
    for case in document["cases"]:
        del case["duration_s"]
    return document


def test_a_recording_is_judged_as_the_analysis_was(cli: Cli, recorded: Ran) -> None:
    judged = cli("judge", "recording.json", "--format", "json")

    assert (judged.code, recorded.code) == (4, 4)
    assert judged.out == recorded.out


def test_a_recording_is_judged_where_there_is_no_torch(recorded: Ran, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "judge", "recording.json", "--format", "json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    # On standard error stands what failed, as it did when the target was analysed.
    assert "Traceback" not in done.stderr
    assert without_durations(done.stdout) == without_durations(recorded.out)


def test_other_rules_may_be_asked(cli: Cli, recorded: Ran) -> None:
    judged = cli("judge", "recording.json", "--format", "json", "--ignore", "SG101")

    cases = {case["target"]: case for case in json.loads(judged.out)["cases"]}
    assert "SG101" in recorded.out
    assert "SG101" not in {finding["rule"] for finding in cases["broken.py"]["findings"]}


def test_another_threshold_may_be_set(cli: Cli, write_case: Write) -> None:
    write_case(BROKEN)
    cli("analyze", "case.py", "--record", "recording.json")

    codes = [cli("judge", "recording.json", "--fail-on", severity).code for severity in ("error", "never")]

    assert codes == [1, 0]


def test_a_recording_holds_no_path_of_the_machine(recorded: Ran, tmp_path: Path) -> None:
    text = (tmp_path / "recording.json").read_text(encoding="ascii")

    assert str(tmp_path) not in text
    assert str(Path(sys.prefix)) not in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the recording is not JSON: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "this JSON is not a recording of steadygraph: it has no recording_version"),
        ('{"schema_version": 1}', "this JSON is not a recording of steadygraph: it has no recording_version"),
        ('{"recording_version": 1}', "this JSON is not a recording of steadygraph: run: Field required"),
    ],
)
def test_what_is_no_recording_is_told(cli: Cli, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "other.json").write_text(text)

    ran = cli("judge", "other.json")

    assert ran == (2, "", f"error: other.json: {said}\n{HINT}")


def test_recordings_and_reports_are_told_apart(cli: Cli, recorded: Ran, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text(recorded.out)

    judged, shown, compared = (
        cli("judge", "report.json"),
        cli("report", "recording.json"),
        cli("compare", "report.json", "recording.json"),
    )

    assert judged.err == (
        "error: report.json: this JSON is a report of steadygraph, not a recording\n"
        "  hint: show it with: steadygraph report REPORT.json\n"
    )
    assert (
        shown.err
        == compared.err
        == (
            "error: recording.json: this JSON is a recording of steadygraph, not a report\n"
            "  hint: make a report of it with: steadygraph judge RECORDING.json --format json\n"
        )
    )
    assert [ran.code for ran in (judged, shown, compared)] == [2, 2, 2]


def test_a_recording_comes_from_standard_input(
    cli: Cli, recorded: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = (tmp_path / "recording.json").read_bytes()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    piped = cli("judge", "-", "--format", "json")

    assert piped == cli("judge", "recording.json", "--format", "json")


def test_text_that_is_no_recording_is_told_of_standard_input(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))

    assert cli("judge", "-") == (2, "", f"error: standard input is not text in UTF-8\n{HINT}")


def test_a_rule_that_is_gone_accepts_nothing_and_costs_no_result(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(dedent(BROKEN) + 'ALLOW = {"*": {"SG101": "known"}}\n')
    cli("analyze", "case.py", "--record", "recording.json")
    file = tmp_path / "recording.json"
    file.write_text(file.read_text().replace('"rule":"SG101","reason"', '"rule":"EX900","reason"'))

    judged = cli("judge", "recording.json", "--format", "json")

    (case,) = json.loads(judged.out)["cases"]
    assert judged.code == 1
    assert {finding["allowed"] for finding in case["findings"]} == {None}
    assert "ALLOW accepts EX900 in any scenario, and no rule of this name could be loaded" in case["notes"]


def test_calls_whose_guards_ask_for_different_paths_are_told_apart_in_a_recording_too(
    cli: Cli, write_case: Write, tmp_path: Path
) -> None:
    """Absolute paths are cut: what stands in the recording may be the same for both."""
    write_case(CALLED_WITH_A_PATH.replace("ROOT", str(tmp_path)))

    analysed = cli("analyze", "case.py", "--format", "json", "--record", "recording.json")
    judged = cli("judge", "recording.json", "--format", "json")

    (case,) = json.loads(judged.out)["cases"]
    absolute, relative = (scenario["calls"][0]["guards"] for scenario in case["scenarios"][1:])
    assert absolute != relative
    assert judged.out == analysed.out


def test_source_that_changed_since_is_not_shown_as_if_it_had_been_recorded(
    cli: Cli, recorded: Ran, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text("# another\n" * 99)

    (broken, *_) = json.loads(cli("judge", "recording.json", "--format", "json").out)["cases"]

    assert json.loads(recorded.out)["cases"][0]["sources"] != []
    assert broken["sources"] == []


def test_what_was_recorded_until_ctrl_c_is_judged_as_interrupted(cli: Cli, recorded: Ran, tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    file.write_text(file.read_text().replace('"interrupted":false', '"interrupted":true'))

    judged = cli("judge", "recording.json", "--format", "json")

    assert judged.code == json.loads(judged.out)["summary"]["exit_code"] == 130


def test_the_target_of_a_file_elsewhere_is_not_named_by_its_absolute_path(
    cli: Cli, write_case: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = write_case(CLEAN)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")

    cli("analyze", str(case), "--record", "recording.json")

    (recording,) = json.loads((tmp_path / "here" / "recording.json").read_text())["run"]["recordings"]
    assert recording["target"] == f"{tmp_path.name}/case.py"


def test_a_recording_of_another_version_is_told(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "later.json").write_text('{"recording_version": 7}')

    ran = cli("judge", "later.json")

    assert ran == (
        2,
        "",
        "error: later.json: the recording has version 7, this steadygraph reads 1\n"
        "  hint: judge it with the version of steadygraph that wrote it, or record again\n",
    )


def test_graphs_that_a_recording_does_not_have_are_told(cli: Cli, recorded: Ran, tmp_path: Path) -> None:
    file = tmp_path / "recording.json"
    document = json.loads(file.read_text())
    document["graphs"] = []
    file.write_text(json.dumps(document))

    ran = cli("judge", "recording.json")

    problem = "this JSON is not a recording of steadygraph: it names graph 0 and has 0 graphs"
    assert ran == (2, "", f"error: recording.json: {problem}\n{HINT}")


def test_a_file_that_is_not_there_is_told(cli: Cli) -> None:
    ran = cli("judge", "none.json")

    assert ran == (2, "", f"error: cannot read none.json: No such file or directory\n{HINT}")


def test_a_place_where_no_recording_can_be_written_is_told_before_anything_runs(cli: Cli, write_case: Write) -> None:
    write_case(BROKEN)

    ran = cli("analyze", "case.py", "--record", "none/recording.json")

    assert ran == (
        2,
        "",
        "error: cannot write none/recording.json: there is no directory none\n  hint: create it: mkdir -p none\n",
    )


def test_a_recording_that_cannot_be_written_costs_no_results(
    cli: Cli, write_case: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(BROKEN)

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("steadygraph.cli.recordings.write", full)
    ran = cli("analyze", "case.py", "--record", "recording.json", "--quiet")

    assert ran.code == 2
    assert ran.out == "case.py: 1 error, 0 warnings, 0 notes\n"
    assert ran.err == (
        "error: cannot write the recording recording.json: No space left on device\n"
        "  hint: free some space, or choose another path with --record\n"
    )


def test_the_page_says_what_runs(cli: Cli, repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "examples" / "moe_scratch", tmp_path / "examples" / "moe_scratch")
    page = (repository / "docs" / "how-to" / "judge-a-recording.md").read_text(encoding="utf-8")
    first, again, *others = (shlex.split(line) for line in re.findall(r"^\$ steadygraph (.*)$", page, re.MULTILINE))

    analysed, judged = cli(*first), cli(*again)
    codes = [cli(*command).code for command in others]
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert (analysed.code, judged) == (1, analysed._replace(err=""))
    assert codes == [1, 1]
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert done.stdout.startswith("examples/moe_scratch/before.py ['SG701'")
