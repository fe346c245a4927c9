"""``steadygraph doctor``: what is installed, what of torch is there, and an analysis whose findings are known."""

from __future__ import annotations

import json
import platform
import re
from importlib.metadata import version
from typing import Any

import pytest
import torch

from steadygraph import accelerator
from steadygraph.engine.doctor import diagnosis
from steadygraph.engine.doctor.diagnosis import Check
from steadygraph.model import Kind

BUILT = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built for the CPU"
INSTALLED = f"""\
installed
  steadygraph           {version("steadygraph")}
  python                {platform.python_version()}, {platform.system()} {platform.machine()}
  torch                 {torch.__version__}, {BUILT}, no GPU
  depyf                 {version("depyf")}
  transformers          not installed
  pytest                {version("pytest")}
  C++ compiler          g++-13
"""
KINDS = [
    "input-structure",
    *("specialization-int", "specialization-float", "specialization-shape"),
    *("dtype", "requires-grad", "stride"),
    *("object-identity", "module-attribute", "global-state"),
]
HOLD = """\
probes
  every analysis        all hold
  repeated layers       all hold
  budgets of guards     all hold
  simulated device      all hold
  backend aot_eager     all hold
  backend inductor      all hold
self-test
  as at warm-up         found nothing
"""
FOUND = "".join(f"  {kind:21} found {kind}\n" for kind in KINDS)


@pytest.fixture(autouse=True)
def _machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """One without transformers, and with a compiler."""
    monkeypatch.setattr(accelerator, "compiler", lambda: "/usr/local/bin/g++-13")
    monkeypatch.setattr(diagnosis, "version", lambda name: "unknown" if name == "transformers" else version(name))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_where_it_works_all_is_told_and_the_exit_code_is_0(cli: Any) -> None:
    done = cli("doctor")

    told = re.sub(r"\d+\.\d s\n", "0.1 s\n", done.out)
    assert told == (
        f"{INSTALLED}{HOLD}{FOUND}"
        "  repeated layers       6 of 8 were not traced again\n"
        "  duration              0.1 s\n"
        "\n"
        "steadygraph works here; paste this into a bug report\n"
    )
    assert (done.err, done.code) == ("", 0)


def test_a_torch_that_lacks_something_is_told_with_what_and_the_exit_code_is_3(
    cli: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch._dynamo.hooks

    monkeypatch.delattr(torch._dynamo.hooks, "Hooks")

    done = cli("doctor")

    lacks = "torch._dynamo.hooks.Hooks"
    assert done.out == (
        f"{INSTALLED}"
        "probes\n"
        f"! every analysis        torch has no {lacks}\n"
        "  repeated layers       all hold\n"
        "  budgets of guards     all hold\n"
        "  simulated device      all hold\n"
        "  backend aot_eager     all hold\n"
        "  backend inductor      all hold\n"
        "self-test\n"
        f"! analysis              TorchSupportError: torch {torch.__version__} has no {lacks}\n"
        "                          hint: install a torch release that steadygraph was tried with: torch>=2.13,<2.16\n"
        "\n"
        "steadygraph does not work as it should here (every analysis, analysis); report it, with all of this\n"
    )
    assert (done.err, done.code) == ("", 3)


def test_json_has_the_same_checks(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [Check("installed", "torch", "2.0"), Check("self-test", "dtype", "found nothing", passed=False)]
    monkeypatch.setattr(diagnosis, "checks", lambda: iter(made))

    done = cli("doctor", "--format", "json")

    assert json.loads(done.out) == {
        "passed": False,
        "checks": [
            {"group": "installed", "name": "torch", "result": "2.0", "passed": True},
            {"group": "self-test", "name": "dtype", "result": "found nothing", "passed": False},
        ],
    }
    assert done.code == 3


def test_the_kinds_are_those_of_findings() -> None:
    assert set(KINDS) <= set(Kind)
