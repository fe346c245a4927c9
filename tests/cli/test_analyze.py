"""``steadygraph analyze``: what is printed where, and the exit code."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..conftest import Ran
from .conftest import BROKEN, CLEAN, RAISING

Write = Callable[..., Path]
Cli = Callable[..., Ran]


def without_durations(text: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(text)
    for case in report["cases"]:
        del case["duration_s"]
    return report


def test_a_case_without_defect_ends_with_0(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN)

    code, out, err = cli("analyze", "case.py")

    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "1 case, 0 errors, 0 warnings, 0 notes"


def test_a_target_that_removes_the_working_directory_costs_no_result(
    cli: Cli, write_case: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    write_case(CLEAN, "whole.py")
    write_case(CLEAN + "    import os, shutil\n    shutil.rmtree(os.getcwd())\n", "gone/case.py")
    monkeypatch.chdir(tmp_path / "gone")

    code, out, err = cli("analyze", "case.py", str(tmp_path / "whole.py"), "--quiet")

    assert (code, err) == (0, "")
    assert [Path(line.split()[0]).name for line in out.splitlines()[:2]] == ["case.py:", "whole.py:"]


def test_a_file_beside_the_case_that_is_called_like_a_module_of_python_is_left_alone(
    steadygraph: Callable[..., subprocess.CompletedProcess[str]], write_case: Write, tmp_path: Path
) -> None:
    write_case(CLEAN)
    write_case('raise RuntimeError("nobody asked for this file")', "json.py")

    done = steadygraph("analyze", "case.py", "--quiet", cwd=tmp_path)

    assert (done.returncode, done.stderr) == (0, "")


def test_findings_end_with_1(cli: Cli, write_case: Write) -> None:
    write_case(BROKEN)

    code, out, err = cli("analyze", "case.py", "--format", "json")

    (case,) = json.loads(out)["cases"]
    assert (code, err) == (1, "")
    assert {finding["kind"] for finding in case["findings"]} == {"input-structure"}


@pytest.mark.parametrize(("options", "wanted"), [(["--fail-on", "never"], 0), (["--ignore", "SG"], 0), ([], 1)])
def test_what_counts_as_a_finding_can_be_chosen(cli: Cli, write_case: Write, options: list[str], wanted: int) -> None:
    write_case(BROKEN)

    code, _, _ = cli("analyze", "case.py", *options)

    assert code == wanted


def test_guards_that_change_no_graph_are_a_number_where_the_deployment_drops_them(cli: Cli, write_case: Write) -> None:
    write_case("""
        import torch
        class Flags(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.flags = {str(number): "off" for number in range(12)}
            def forward(self, x):
                return x * 2 if "on" in self.flags.values() else x + 1
        def build(): return Flags()
        def before(model, name):
            if name == "later": model.flags.update(dict.fromkeys(model.flags, "idle"))
        def profile(): return (torch.ones(3),), {}
        def serving(): return {"same": ((torch.zeros(3),), {}), "later": ((torch.zeros(3),), {})}
    """)

    code, out, _ = cli("analyze", "case.py", "--policy", "drop")

    assert code == 0
    assert "  12 guards differ, none changes the graph\n" in out
    assert cli("analyze", "case.py")[0] == 1


def test_the_command_line_overrides_the_configuration(cli: Cli, write_case: Write) -> None:
    write_case(BROKEN)
    write_case('[tool.steadygraph]\nfail-on = "never"\nformat = "json"\npolicy = "drop"\n', "pyproject.toml")

    code, out, _ = cli("analyze", "case.py", "--policy", "shapes-only")

    (case,) = json.loads(out)["cases"]
    assert code == 0
    assert {outcome["policy"] for scenario in case["scenarios"] for outcome in scenario["outcomes"]} == {"shapes-only"}


def test_a_target_that_fails_ends_with_4_and_the_others_are_analysed(cli: Cli, write_case: Write) -> None:
    write_case(RAISING, "raising.py")
    write_case(BROKEN, "broken.py")

    code, out, err = cli("analyze", "raising.py", "broken.py", "--format", "json")

    assert (code, [case["status"] for case in json.loads(out)["cases"]]) == (4, ["failed", "completed"])
    assert err == (
        "error: raising.py: profile() of raising.py raised ValueError: no input (raising.py:10)\n"
        "  hint: set STEADYGRAPH_TRACEBACK=1 to see the whole traceback\n"
    )


def test_a_case_that_cannot_be_used_weighs_more_than_a_target_that_fails(cli: Cli, write_case: Write) -> None:
    write_case(RAISING, "raising.py")
    write_case(CLEAN + "    del serving\n", "unusable.py")

    code, out, err = cli("analyze", "raising.py", "unusable.py", "none.py", "--jobs", "2")

    assert (code, err) == (2, "")
    assert out.splitlines()[-1] == "3 cases (3 failed), 0 errors, 0 warnings, 0 notes"


def test_when_nothing_can_be_used_only_errors_are_printed(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN + "    del serving\n", "unusable.py")

    ran = cli("analyze", "unusable.py")

    assert ran == (
        2,
        "",
        "error: unusable.py defines no serving()\n"
        "  hint: add a function serving() that returns {name: (args, kwargs)} of the serving calls\n",
    )


def test_a_target_that_is_named_twice_is_analysed_once(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN)

    _, out, _ = cli("analyze", "case.py", "./case.py", "case.py", "--format", "json")

    assert [case["target"] for case in json.loads(out)["cases"]] == ["case.py"]


def test_a_directory_means_the_case_files_in_it_and_an_empty_one_is_wrong_use(
    cli: Cli, write_case: Write, tmp_path: Path
) -> None:
    for folder in ("models/inner", "empty"):
        (tmp_path / folder).mkdir(parents=True)
    write_case(CLEAN, "models/inner/case_b.py")
    write_case("def profile(): return (), {}\n", "models/case_c.py")

    code, out, err = cli("analyze", "models/", "./models/case_c.py", "empty", "--format", "json")

    assert code == 2
    assert [(case["target"], case["status"]) for case in json.loads(out)["cases"]] == [
        ("models/inner/case_b.py", "completed"),
        ("models/case_c.py", "failed"),
        ("empty", "failed"),
    ]
    assert err.splitlines()[-2:] == [
        "error: empty is a directory without any case_*.py",
        "  hint: name a case file; there is no Python file in this directory",
    ]


def test_a_class_is_analysed_with_the_case_file_that_is_named(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN, "model.py")
    write_case("from model import profile, serving\ndef build(cls): return cls()\n")

    code, out, _ = cli("analyze", "model.py:Double", "--case", "case.py", "--format", "json")

    assert (code, json.loads(out)["cases"][0]["target"]) == (0, "model.py:Double")


def test_what_a_target_prints_does_not_spoil_json(
    steadygraph: Callable[..., subprocess.CompletedProcess[str]], write_case: Write, tmp_path: Path
) -> None:
    write_case(CLEAN + '    print("from Python")\n    import os\n    os.system("echo from a shell")\n')

    done = steadygraph("analyze", "case.py", "--format", "json", cwd=tmp_path)

    assert (done.returncode, json.loads(done.stdout)["cases"][0]["status"]) == (0, "completed")
    assert done.stderr == "from Python\nfrom a shell\n"


def test_the_same_command_gives_the_same_json(cli: Cli, write_case: Write) -> None:
    write_case(BROKEN)

    first, second = (cli("analyze", "case.py", "--format", "json")[1] for _ in range(2))

    assert without_durations(first) == without_durations(second)


def test_results_go_to_a_file_on_request(cli: Cli, write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)

    ran = cli("analyze", "case.py", "--format", "json", "--output", "out.json")

    assert ran == (1, "", "")
    assert json.loads((tmp_path / "out.json").read_text())["summary"]["exit_code"] == 1


def test_a_text_file_holds_no_colour(
    cli: Cli, write_case: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(BROKEN)
    monkeypatch.setenv("FORCE_COLOR", "1")

    cli("analyze", "case.py", "--output", "out.txt")

    assert "\x1b" not in (tmp_path / "out.txt").read_text()


def test_results_that_cannot_be_written_in_the_end_are_printed(
    cli: Cli, write_case: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_case(CLEAN)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)

    code, out, err = cli("analyze", "case.py", "--output", "out.txt")

    assert (code, out.splitlines()[-1]) == (2, "1 case, 0 errors, 0 warnings, 0 notes")
    assert err == (
        "error: cannot write out.txt: No space left on device\n  hint: the results are on standard output instead\n"
    )


def test_quiet_prints_a_line_for_each_target_and_nothing_of_what_it_prints(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN + '    print("from Python")\n')

    ran = cli("analyze", "case.py", "--quiet")

    assert ran == (0, "case.py: no findings\n", "")


def test_verbose_leaves_nothing_out(cli: Cli, write_case: Write) -> None:
    write_case(BROKEN)

    short, (_, long, err) = cli("analyze", "case.py").out, cli("analyze", "case.py", "-v")

    assert "case.py:4 in forward" in long
    assert "\npython 3." in long
    assert "\npython 3." not in short
    assert "  profile " in long
    assert "  profile " not in short
    assert err == ""


def test_quiet_and_verbose_at_once_are_wrong_use(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN)

    ran = cli("analyze", "case.py", "--quiet", "--verbose")

    assert ran == (2, "", "error: --quiet and --verbose contradict each other\n  hint: give one of them\n")


def test_a_text_that_goes_to_no_terminal_has_80_columns(
    cli: Cli, write_case: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    write_case(BROKEN)

    text = cli("analyze", "case.py").out

    assert 70 < max(map(len, text.splitlines())) <= 80


def test_a_target_that_hangs_is_reported_as_timed_out(cli: Cli, write_case: Write) -> None:
    write_case(CLEAN + "    import time\n    time.sleep(600)\n")

    code, out, err = cli("analyze", "case.py", "--timeout", "0.5", "--format", "json")

    assert (code, json.loads(out)["cases"][0]["status"]) == (4, "timed-out")
    assert err == (
        "error: case.py: the target did not finish within 0.5 s (in <module>, case.py:10)\n"
        "  hint: give it more time with --timeout, or look for what it waits for\n"
    )


def test_a_reader_that_goes_away_is_no_error(write_case: Write, tmp_path: Path) -> None:
    write_case(BROKEN)
    command = f"{sys.executable} -m steadygraph analyze case.py --format json"

    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.stderr) == ("1\n", "")


def test_ctrl_c_prints_what_was_finished(write_case: Write, tmp_path: Path) -> None:
    write_case(CLEAN, "quick.py")
    write_case(CLEAN + "    import time\n    open('reached', 'w').close()\n    time.sleep(600)\n", "slow.py")

    code, screen = in_a_terminal(["analyze", "quick.py", "slow.py"], tmp_path, until=tmp_path / "reached")

    lines = screen.splitlines()
    assert code == 130
    assert lines[-1] == "interrupted: 1 case, 0 errors, 0 warnings, 0 notes"
    assert "Traceback" not in screen


def in_a_terminal(arguments: list[str], folder: Path, *, until: Path) -> tuple[int, str]:
    """Run the command line in a terminal of its own, and press Ctrl-C when the file appears."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.environ["TERM"] = "dumb"
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever started the tests, it may have ignored it
        os.execv(sys.executable, [sys.executable, "-m", "steadygraph", *arguments])
    limit = time.monotonic() + 60
    while not until.exists():
        assert time.monotonic() < limit
        time.sleep(0.05)
    os.write(terminal, b"\x03")
    screen = b""
    try:
        while data := os.read(terminal, 1 << 16):
            screen += data
    except OSError:  # Linux tells the end of a terminal so
        pass
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), screen.decode().replace("\r\n", "\n").strip()
