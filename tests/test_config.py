"""Options from ``[tool.steadygraph]`` and from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from steadygraph import config
from steadygraph.config import Options, Settings
from steadygraph.errors import UsageError
from steadygraph.model import Policy

ALL_POLICIES = (
    "recompile, drop, shapes-only, cuda-graph, budget, skip_guard_on_inbuilt_nn_modules_unsafe, "
    "skip_guard_on_all_nn_modules_unsafe, skip_guard_on_globals_unsafe, keep_tensor_guards_unsafe, "
    "keep_portable_guards_unsafe, skip_all_guards_unsafe, skip_guard_eval_unsafe"
)


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str, folder: str = ".") -> Path:
    file = Path.cwd() / folder / "pyproject.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file.parent


def complaint(text: str) -> str:
    folder = write(text)
    with pytest.raises(UsageError) as caught:
        config.from_file(folder)
    return str(caught.value)


def test_without_a_file_the_defaults_hold() -> None:
    options = config.options(config.from_file(Path.cwd()))

    assert options == Options(
        Settings(policies=None, backends=("eager",), select=(), ignore=(), device=None),
        fail_on="warning",
        format="text",
        timeout_s=600.0,
        jobs=1,
    )


def test_every_key_of_the_file_is_read() -> None:
    folder = write("""
        [tool.steadygraph]
        policy = ["drop", "shapes-only", "drop"]
        backend = "inductor"
        select = ["SG1", "SG301,SG302"]
        ignore = "SG101, none-at-profile"
        fail-on = "error"
        format = "json"
        timeout = 2.5
        jobs = 4
        device = "cuda:0"
        gpu = "l4"
        cases = ["cases/*.py"]
    """)

    options = config.options(config.from_file(folder))

    assert options == Options(
        Settings(
            policies=(Policy.DROP, Policy.SHAPES_ONLY),
            backends=("inductor",),
            select=("SG1", "SG301", "SG302"),
            ignore=("SG101", "none-at-profile"),
            device="cuda:0",
            gpu="l4",
        ),
        fail_on="error",
        format="json",
        timeout_s=2.5,
        jobs=4,
    )


def test_the_nearest_file_with_a_table_counts() -> None:
    write("[tool.steadygraph]\njobs = 2\n")
    write("[tool.steadygraph]\njobs = 3\n", "inner")
    folder = write("[tool.ruff]\nline-length = 3\n", "inner/innermost")

    found = config.from_file(folder)

    assert found == {"jobs": 3}


def test_no_limit_of_time_is_written_as_zero() -> None:
    options = config.options(config.checked({"timeout": 0}))

    assert options.timeout_s is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("job = 2", "unknown key 'job'\n  hint: did you mean jobs?"),
        ("fail_on = 'error'", "unknown key 'fail_on'\n  hint: did you mean fail-on?"),
        (
            "zzz = 2",
            "unknown key 'zzz'\n  hint: keys are policy, backend, budget, select, ignore, fail-on, format, timeout, "
            "memory-limit, jobs, device, gpu, baseline, report, cases",
        ),
        ("jobs = '2'", "jobs is '2', which is not a whole number\n  hint: write a whole number"),
        ("jobs = true", "jobs is True, which is not a whole number\n  hint: write a whole number"),
        ("jobs = 0", "jobs is 0\n  hint: write a number of processes, 1 or more"),
        ("timeout = '5'", "timeout is '5', which is not a number of seconds\n  hint: write a number of seconds"),
        ("timeout = -1", "timeout is -1\n  hint: write a number of seconds, or 0 for no limit"),
        ("timeout = nan", "timeout is nan\n  hint: write a number of seconds, or 0 for no limit"),
        ("policy = 3", "policy is 3, which is not a text or a list of texts\n  hint: write a text or a list of texts"),
        ("policy = ['dorp']", "unknown policy 'dorp'\n  hint: did you mean drop?"),
        (
            "policy = 'zzz'",
            f"unknown policy 'zzz'\n  hint: policies are {ALL_POLICIES}",
        ),
        ("policy = []", f"no policy is named\n  hint: policies are {ALL_POLICIES}"),
        ("backend = 'inducter'", "unknown backend 'inducter'\n  hint: did you mean inductor?"),
        (
            "select = [1]",
            "select is [1], which is not a text or a list of texts\n  hint: write a text or a list of texts",
        ),
        ("fail-on = 'errors'", "unknown fail-on 'errors'\n  hint: did you mean error?"),
        ("format = 'jsn'", "unknown format 'jsn'\n  hint: did you mean json?"),
        ("device = ''", "device is '', which is not a text\n  hint: write a text"),
        ("device = 'xpu'", "unknown device 'xpu'\n  hint: devices are cuda, cuda:N for several, and cpu"),
        ("device = 'cuda:128'", "unknown device 'cuda:128'\n  hint: devices are cuda, cuda:N for several, and cpu"),
        ("device = 'cuda:01'", "unknown device 'cuda:01'\n  hint: devices are cuda, cuda:N for several, and cpu"),
        ("gpu = 100", "gpu is 100, which is not a text\n  hint: write a text"),
        ("gpu = 'h10'", "no GPU called 'h10' can be simulated\n  hint: did you mean h100?"),
        (
            "gpu = 'zzz'",
            "no GPU called 'zzz' can be simulated\n"
            "  hint: known GPUs are h100, h200, b200, a100, a10g, l4, l40s, mi300x, mi355x",
        ),
    ],
)
def test_a_key_or_value_that_means_nothing_is_told(line: str, said: str) -> None:
    assert complaint(f"[tool.steadygraph]\n{line}\n") == f"pyproject.toml [tool.steadygraph]: {said}"


def test_a_file_that_is_not_toml_names_the_line() -> None:
    said = complaint("[tool.steadygraph\njobs = 2\n")

    assert said == (
        "pyproject.toml is not TOML: Expected ']' at the end of a table declaration (at line 1, column 18)\n"
        "  hint: correct that line"
    )


def test_a_key_in_place_of_the_table_is_told() -> None:
    said = complaint("[tool]\nsteadygraph = 3\n")

    assert said == "pyproject.toml: tool.steadygraph is no table\n  hint: write its keys below [tool.steadygraph]"
