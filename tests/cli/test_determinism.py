"""The same command twice."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

_DURATION = re.compile(r'"duration_s": [\d.e-]+')


def test_the_same_command_twice_prints_the_same_bytes_apart_from_the_time_it_took(
    steadygraph: Callable[..., subprocess.CompletedProcess[str]], repository: Path
) -> None:
    cases = [
        repository / "examples" / "deepstack" / "v1_broken.py",
        repository / "tests" / "cases" / "hook_added_after_warm_up.py",
        repository / "tests" / "cases" / "twelve_blocks_over_the_limit.py",
    ]
    policies = ["--policy", "recompile", "--policy", "drop", "--policy", "shapes-only", "--policy", "cuda-graph"]

    runs = [steadygraph("analyze", *cases, *policies, "--format", "json", "--jobs", "2") for _ in range(2)]

    first, second = (_DURATION.sub("", run.stdout) for run in runs)
    assert _DURATION.search(runs[0].stdout)
    assert first == second
