"""A torch that lacks what steadygraph reads: one sentence, a hint, and exit code 3, from the command to its workers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import torch

from .conftest import CLEAN

#: Imported by each Python that finds it: another release of torch, for all that we know.
OTHER_RELEASE = "import torch._dynamo.hooks\ndel torch._dynamo.hooks.Hooks\n"


def test_the_user_reads_which_name_is_missing(
    steadygraph: Callable[..., subprocess.CompletedProcess[str]], write_case: Callable[..., Path], tmp_path: Path
) -> None:
    write_case(CLEAN)
    (tmp_path / "site").mkdir()
    write_case(OTHER_RELEASE, "site/sitecustomize.py")

    path = os.pathsep.join(filter(None, [str(tmp_path / "site"), os.environ.get("PYTHONPATH")]))
    done = steadygraph("analyze", "case.py", "--no-progress", cwd=tmp_path, PYTHONPATH=path, COLUMNS="100")

    assert done.stdout == (
        "case.py\n"
        f"  failed (TorchSupportError): torch {torch.__version__} has no torch._dynamo.hooks.Hooks\n"
        "  hint: install a torch release that steadygraph was tried with: torch>=2.13,<2.16\n"
        "\n"
        "1 case (1 failed), 0 errors, 0 warnings, 0 notes\n"
    )
    assert done.stderr == ""
    assert done.returncode == 3
