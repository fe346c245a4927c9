"""The same command twice."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

from ..conftest import Ran

_DURATION = re.compile(r'"duration_s": [\d.e-]+')


def test_the_same_command_in_two_processes_prints_the_same_bytes_apart_from_the_time_it_took(
    cli: Callable[..., Ran],
    steadygraph: Callable[..., subprocess.CompletedProcess[str]],
    repository: Path,
    tmp_path: Path,
) -> None:
    cases = [
        str(repository / "examples" / "deepstack" / "v1_broken.py"),
        str(repository / "tests" / "cases" / "hook_added_after_warm_up.py"),
        str(repository / "tests" / "cases" / "twelve_blocks_over_the_limit.py"),
    ]
    policies = ["--policy", "recompile", "--policy", "drop", "--policy", "shapes-only", "--policy", "cuda-graph"]
    command = ["analyze", *cases, *policies, "--format", "json", "--jobs", "2"]

    here = cli(*command).out
    there = steadygraph(*command, cwd=tmp_path, PYTHONHASHSEED="1").stdout

    assert _DURATION.search(here)
    assert _DURATION.sub("", here) == _DURATION.sub("", there)
