"""Standard streams that are full, closed or read by nobody, and messages that somebody else wrote."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from steadygraph.cli import streams
from steadygraph.cli.main import main
from steadygraph.cli.progress import Progress
from steadygraph.report.text.layout import flat, printable

from .conftest import BROKEN, CLEAN

FULL = (
    "error: cannot write to standard output: No space left on device\n"
    "  hint: free some space, or choose a file with --output\n"
)
COMMANDS: dict[str, tuple[int, tuple[str, ...]]] = {
    "help": (0, ("--help",)),
    "version": (0, ("--version",)),
    "rules": (0, ("rules", "SG101")),
    "wrong use": (2, ("rules", "SG9999")),
}


def run(arguments: tuple[str, ...], cwd: Path | None = None, **streams: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "steadygraph", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.run(command, cwd=cwd, text=True, check=False, **{**pipes, **streams})


def closing(*descriptors: int) -> Callable[[], None]:
    def close() -> None:
        for descriptor in descriptors:
            os.close(descriptor)

    return close


@pytest.mark.parametrize(
    ("command", "closed"), [("help", (1,)), ("version", (0, 1, 2)), ("rules", (1, 2)), ("wrong use", (2,))], ids=str
)
def test_streams_that_are_closed_change_no_exit_code(command: str, closed: tuple[int, ...]) -> None:
    code, arguments = COMMANDS[command]

    assert run(arguments, preexec_fn=closing(*closed)).returncode == code


@pytest.mark.parametrize(
    ("command", "which"), [("help", ("stdout",)), ("rules", ("stdout", "stderr")), ("wrong use", ("stderr",))], ids=str
)
def test_that_nobody_reads_them_changes_none_either(command: str, which: tuple[str, ...]) -> None:
    code, arguments = COMMANDS[command]
    reader, writer = os.pipe()
    os.close(reader)

    done = run(arguments, **dict.fromkeys(which, writer))

    os.close(writer)
    assert done.returncode == code


@pytest.mark.parametrize("command", ["help", "rules"])
def test_results_that_could_not_be_written_are_told(command: str) -> None:
    with open("/dev/full", "w") as full:
        done = run(COMMANDS[command][1], stdout=full)

    assert (done.returncode, done.stderr) == (2, FULL)


def test_messages_that_could_not_be_written_are_lost(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        assert run(("rules", "SG9999"), stderr=full).returncode == 2


@pytest.mark.parametrize(("text", "code"), [(CLEAN, 0), (BROKEN, 1)], ids=["clean", "broken"])
def test_a_run_without_streams_ends_with_the_code_of_its_findings(
    write_case: Callable[..., Path], tmp_path: Path, text: str, code: int
) -> None:
    write_case(text)

    done = run(("analyze", "case.py", "--output", "report.txt"), tmp_path, preexec_fn=closing(0, 1, 2))

    assert done.returncode == code
    assert (tmp_path / "report.txt").read_text(encoding="utf-8").startswith("case.py ")


def test_the_streams_of_a_caller_are_its_own_afterwards() -> None:
    before = sys.stdout, sys.stderr

    main(["--version"])

    assert (sys.stdout, sys.stderr) == before


# --- what is in a message ---------------------------------------------------------------------------------

COMMANDS_OF_CI = [
    "::error file=a::x",
    "::set-output name=a::b",
    "  ::warning::x",
    "x ::stop-commands::y",
    "##[error]x",
    "a ##[group]x",
    "##vso[task.setvariable variable=a]b",
    "##teamcity[buildProblem description='x']",
]
OBEYED = re.compile(r"##\w*\[|(?:^|\s)::[\w-]+[^:]*::")


@pytest.mark.parametrize("text", COMMANDS_OF_CI)
@pytest.mark.parametrize("before", ["", "x\n", "x\r", "\x1b[31m", "\u2028", "a: "], ids=ascii)
@pytest.mark.parametrize(
    "told", [streams.error, streams.remark, lambda text: streams.error("x", text)], ids=["error", "remark", "hint"]
)
def test_no_message_commands_a_ci_system_or_a_terminal(
    capsys: pytest.CaptureFixture[str], told: Callable[[str], None], before: str, text: str
) -> None:
    told(f"{before}{text}")

    lines = capsys.readouterr().err.split("\n")
    assert all(line.isprintable() for line in lines)
    assert not any(OBEYED.search(line) for line in lines)


@pytest.mark.parametrize("text", COMMANDS_OF_CI)
def test_the_first_character_of_a_command_is_spelled_out(text: str) -> None:
    shown = printable(text)

    assert shown.replace("\\x3a", ":").replace("\\x23", "#") == text
    assert not OBEYED.search(shown)
    assert flat(shown) == " ".join(shown.split())


@pytest.mark.parametrize("text", ["at::native::add::out", "test_a.py::TestB::test_c", "a[::2]", "# 1 ## 2", "x::y"])
def test_other_colons_stay(text: str) -> None:
    assert printable(text) == text


def test_one_error_is_one_line_and_not_longer_than_anybody_reads(capsys: pytest.CaptureFixture[str]) -> None:
    streams.error("a\nerror: b\x1b[0m\u202ec" + "d" * 10_000)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: a error: b\\x1b[0m\\u202ecddd")
    assert len(line) < 2100


def test_a_message_holds_no_values(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "q7Xw2Lk9PzR4tVbN8mJc")

    streams.error("bad tensor([0.5, 0.25]) of q7Xw2Lk9PzR4tVbN8mJc")

    assert capsys.readouterr().err == "error: bad tensor(...) of ***\n"


def test_progress_shows_a_target_on_one_line() -> None:
    progress = Progress(["a\n::error::\x1b[2J.py"], shown=False)

    assert progress._text(0) == "a \\x3a:error::\\x1b[2J.py"
