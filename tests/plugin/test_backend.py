"""``--steadygraph-backend``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run


def test_each_back_end_of_the_proof_is_a_test_of_its_own(cases: pytest.Pytester, run: Run) -> None:
    options = ("--steadygraph-backend=eager", "--steadygraph-backend=inductor", "-k", "image and broken")

    found = run("--steadygraph", "--collect-only", "-q", *options)

    assert [line.rpartition("::")[2] for line in found.outlines[:5]] == [
        "image[recompile]",
        "image[recompile-inductor]",
        "image[drop]",
        "image[drop-inductor]",
        "",
    ]


def test_an_unknown_back_end_is_told_at_the_start(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "--steadygraph-backend=tvm")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == ["ERROR: unknown backend 'tvm'", "  hint: backends are eager, aot_eager, inductor"]
