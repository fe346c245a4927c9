"""Waits for a simulated device from the model to the report: inside of a region, between regions, around the call."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine import subject
from steadygraph.engine.engine import analyze_case
from steadygraph.model import CaseReport, Kind, Severity

from ..conftest import Ran

_BLOCK = re.compile(r"<!-- (.*) -->\n```\w+\n((?:.*\n)*?)```\n")


def test_the_page_shows_what_is_printed_serving_first_then_both_then_what_is_accepted(
    repository: Path, cli: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    page = (repository / "docs" / "how-to" / "host-syncs.md").read_text(encoding="utf-8")
    (case, text), (code, command), (_, output) = _BLOCK.findall(page)
    (tmp_path / case.removeprefix("file: ")).write_text(text, encoding="utf-8")

    ran = cli(*command.split()[2:])

    _, _, findings = ran.out.partition("\n\n")
    assert findings == output
    assert f"exit code: {ran.code}" == code


class Block(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.ones(4).to(x.device)  # inside


class Runner(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = Block()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.block(x)
        torch.cuda.synchronize()  # outside
        return out.to("cpu", non_blocking=True)


def syncs(report: CaseReport) -> list[tuple[str, str | None, Severity]]:
    found = [f for f in report.findings if f.kind is Kind.HOST_SYNC]
    return [(f.scenario, f.location and f.location.text, f.severity) for f in found]


def test_what_a_region_and_the_code_around_it_wait_for_counts_and_what_the_case_does_itself_does_not() -> None:
    def x() -> torch.Tensor:
        return torch.tensor([1.0, 2.0, 3.0, 4.0], device="cuda")  # the case makes its inputs

    def before(model: nn.Module, name: str) -> None:
        torch.ones(4).cuda()
        torch.cuda.synchronize()

    def observe(model: nn.Module, out: torch.Tensor) -> torch.Tensor:
        torch.cuda.synchronize()
        return out.cuda().cpu()

    case = Case(
        build=lambda: Runner().cuda(),
        profile=lambda: ((x(),), {}),
        serving=lambda: {"same": ((x(),), {})},
        regions=lambda model: [model.block],
        before=before,
        observe=observe,
        device="cuda",
    )

    report = analyze_case(case, Settings())

    inside, outside = "return x + torch.ones(4).to(x.device)  # inside", "torch.cuda.synchronize()  # outside"
    assert syncs(report) == [
        (name, line, Severity.WARNING) for name in ("profile", "same") for line in (inside, outside)
    ]


class Warned(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not torch.compiler.is_compiling():
            warned()  # an operator that only CUDA knows
        return x + 1


#: No frame in a file, as an operator; the text is that of c10/cuda/CUDAFunctions.cpp.
warned: Callable[[], Any] = eval(
    "lambda: mode[-1] == 'warn' and warn(text, UserWarning, stacklevel=2)",
    {
        "mode": (modes := ["default"]),
        "warn": warnings.warn,
        "text": "called a synchronizing CUDA operation (Triggered internally at /c10/cuda/CUDAFunctions.cpp:151.)",
    },
)


def test_where_there_is_a_device_cuda_is_asked_in_every_call_and_the_report_says_what_it_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subject, "device", lambda *wanted: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "get_sync_debug_mode", lambda: modes[-1])
    monkeypatch.setattr(torch.cuda, "set_sync_debug_mode", modes.append)
    case = Case(
        build=Warned,
        profile=lambda: ((torch.ones(4),), {}),
        serving=lambda: {"same": ((torch.ones(4),), {})},
        device="cuda",
    )

    report = analyze_case(case, Settings())

    assert {f.message for f in report.findings} == {
        "an operation that CUDA calls synchronizing, which makes the host wait for the device: 1 per call; "
        "CUDA confirms it"
    }
    assert syncs(report) == [
        (name, "warned()  # an operator that only CUDA knows", Severity.WARNING) for name in ("profile", "same")
    ]
    assert report.notes == ("torch.cuda.set_sync_debug_mode names 1 line that makes the host wait",)
    assert modes == ["default", "warn", "default", "warn", "default"]
