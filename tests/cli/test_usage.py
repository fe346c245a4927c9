"""Wrong use of the command line: one sentence, a hint, exit code 2, and nothing analysed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

Write = Callable[..., Path]
Cli = Callable[..., tuple[int, str, str]]

FORMS = "a target is case.py, package.module:Class or path/file.py:Class"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["anlyze"],
            "No such command 'anlyze'. Did you mean 'analyze'?\n  hint: steadygraph --help lists what there is",
        ),
        (["analyze"], "Missing argument 'TARGET'\n  hint: steadygraph analyze --help lists what there is"),
        (
            ["analyze", "case.py", "--polcy", "drop"],
            "No such option: --polcy (Possible options: --lock, --policy)\n"
            "  hint: steadygraph analyze --help lists what there is",
        ),
        (["analyze", "case.py", "--policy", "dorp"], "unknown policy 'dorp'\n  hint: did you mean drop?"),
        (["analyze", "case.py", "--backend", "inducter"], "unknown backend 'inducter'\n  hint: did you mean inductor?"),
        (
            ["analyze", "case.py", "--format", "yaml"],
            "unknown format 'yaml'\n  hint: formats are text, json, sarif, junit, markdown, github, html",
        ),
        (["analyze", "case.py", "--fail-on", "warn"], "unknown fail-on 'warn'\n  hint: did you mean warning?"),
        (
            ["analyze", "case.py", "--device", "gpu"],
            "unknown device 'gpu'\n  hint: devices are cuda, cuda:N for several, and cpu",
        ),
        (["analyze", "case.py", "--gpu", "H10"], "no GPU called 'H10' can be simulated\n  hint: did you mean h100?"),
        (["analyze", "case.py", "--jobs", "0"], "jobs is 0\n  hint: write a number of processes, 1 or more"),
        (["analyze", "case.py", "--select", "SG9999"], None),
        (["rules", "SG9999"], None),
        (
            ["analyze", "case.py", "--output", "reports/out.json"],
            "cannot write reports/out.json: there is no directory reports\n  hint: create it: mkdir -p reports",
        ),
        (["analyze", "case.py", "--case", "none.py"], f"none.py: no such file\n  hint: {FORMS}"),
        (["analyze", "none.py"], f"none.py: no such file\n  hint: {FORMS}"),
        (["analyze", "."], ". is a directory without any case_*.py\n  hint: name case files: case.py"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_use_is_one_sentence_and_a_hint(
    cli: Cli, write_case: Write, arguments: list[str], said: str | None
) -> None:
    # It would raise if it were imported.
    write_case("1 / 0")
    if said is None:
        said = "no rule has the code, kind or name 'SG9999'\n  hint: "

    code, out, err = cli(*arguments)

    assert (code, out, err[: len(said) + 7]) == (2, "", f"error: {said}")


def test_a_wrong_key_of_the_configuration_is_told(cli: Cli, write_case: Write) -> None:
    write_case("1 / 0")
    write_case("[tool.steadygraph]\ntimeuot = 3\n", "pyproject.toml")

    ran = cli("analyze", "case.py")

    assert ran == (
        2,
        "",
        "error: pyproject.toml [tool.steadygraph]: unknown key 'timeuot'\n  hint: did you mean timeout?\n",
    )


def test_without_a_command_there_is_help(cli: Cli) -> None:
    code, out, err = cli()

    assert (code, out, err.splitlines()[0]) == (2, "", "Usage: steadygraph [OPTIONS] COMMAND [ARGS]...")


def test_the_version_is_that_of_the_installed_package(cli: Cli) -> None:
    assert cli("--version") == (0, f"steadygraph {version('steadygraph')}\n", "")


def processor_time_s(code: str, *arguments: str) -> float:
    """What a process of Python costs: others keep the machine busy, and a process that waits has not become slower."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code, *arguments], stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


@pytest.fixture(scope="module")
def torch_alone_s() -> float:
    return processor_time_s("import torch")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["analyze", "--help"], ["report", "--help"], ["rules"]]
)
def test_what_needs_no_torch_imports_none_and_is_quick(arguments: list[str], torch_alone_s: float) -> None:
    code = (
        "import sys; from steadygraph.cli.main import main; code = main(sys.argv[1:]); "
        "sys.exit(code or 'torch' in sys.modules)"
    )

    assert processor_time_s(code, *arguments) < 0.6 * torch_alone_s


def test_an_error_of_steadygraph_itself_is_no_finding(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from steadygraph.rule import packs as rule_loading

    def broken() -> None:
        raise RuntimeError("not meant to happen")

    monkeypatch.setattr(rule_loading, "load_packs", broken)

    ran = cli("rules")

    assert ran == (
        3,
        "",
        "error: steadygraph failed: RuntimeError: not meant to happen\n"
        "  hint: report this; set STEADYGRAPH_TRACEBACK=1 to see the whole traceback\n",
    )


def test_the_traceback_of_an_error_of_steadygraph_is_shown_on_request(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    from steadygraph.rule import packs as rule_loading

    monkeypatch.setattr(rule_loading, "load_packs", lambda: 1 / 0)
    monkeypatch.setenv("STEADYGRAPH_TRACEBACK", "1")

    _, _, err = cli("rules")

    assert err.startswith("Traceback (most recent call last):\n")
    assert "\nZeroDivisionError: division by zero\n" in err
