"""What was found in a process is found again by the case that is written of it: the same rule at the same line."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.live.served import KINDS, Model, x
from torch import nn

import steadygraph
from steadygraph import UsageError, watch
from steadygraph.case.case import load
from steadygraph.live.reproduction.loading import unpickler
from steadygraph.live.reproduction.values import Rebuilding
from steadygraph.model import Finding, Severity

pytestmark = pytest.mark.usefixtures("nothing_compiled")


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    loud = [one for one in findings if one.severity is not Severity.NOTE]
    return sorted((one.rule, f"{one.location.path}:{one.location.line}" if one.location else "") for one in loud)


@pytest.mark.parametrize("kind", KINDS)
def test_a_case_finds_what_the_watch_found(kind: str, tmp_path: Path) -> None:
    _model, profile, serving = KINDS[kind]()
    with watch(tell=[].append) as watching:
        profile()
        serving()
        found = told(watching.findings)
        cases = watching.write_case(tmp_path)
    torch.compiler.reset()

    report = steadygraph.analyze(*cases)

    assert found
    assert report.cases[0].error is None
    assert told(report.findings) == found


SCRIPT = """
import os
import torch
from torch import nn

SCALE = 2
SIZES = torch.tensor([1.0, 2.0, 3.0])

class Decoder(nn.Module):
    def forward(self, x, image=None):
        h = x * SCALE + SIZES
        return h if image is None else h + image

decode = torch.compile(Decoder(), backend="eager")
for image in (None, torch.ones(3)):
    decode(torch.ones(3), image)
print("served")
"""


def test_a_script_is_not_run_again_by_its_case(tmp_path: Path, cli: Any) -> None:
    script = tmp_path / "serve.py"
    script.write_text(SCRIPT)
    run = subprocess.run(
        [sys.executable, "-m", "steadygraph", "run", "--quiet", "--write-cases", "cases", "serve.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout) == (1, "served\n"), run.stderr

    analyzed = cli("analyze", str(tmp_path / "cases"), "--format", "json")

    case = json.loads(analyzed.out)["cases"][0]
    line = SCRIPT.splitlines().index("        return h if image is None else h + image") + 1
    assert [(one["rule"], one["location"]["line"]) for one in case["findings"]] == [("SG101", line)]
    assert "served" not in analyzed.out + analyzed.err


def decoder() -> nn.Module:
    return Model().eval()


def test_a_module_can_come_from_a_function_in_the_place_of_a_file(tmp_path: Path) -> None:
    _model, profile, serving = KINDS["a tensor that was none"]()

    with watch(tell=[].append, cases=tmp_path, factory=f"{__name__}:decoder"):
        profile()
        serving()

    assert [path.name for path in tmp_path.iterdir()] == ["case_Model_serving_1.py"]
    assert told(steadygraph.analyze(tmp_path / "case_Model_serving_1.py").findings)


def test_arguments_keep_their_values_only_where_that_is_asked_for(tmp_path: Path) -> None:
    secret = torch.tensor([[0.125, 0.25, 0.5, 1.0]]).expand(3, 4).contiguous()
    for keep in (False, True):
        torch.compiler.reset()
        model = Model().eval()
        call = torch.compile(model, backend="eager")
        with watch(tell=[].append, cases=tmp_path / str(keep), save_tensors=keep):
            call(secret)
            call(secret, secret[1:, ::2].sum())

    made = {keep: load(str(tmp_path / str(keep) / "case_Model_serving_1.py")).profile()[0][0] for keep in (False, True)}
    assert torch.equal(made[True], secret)
    assert not torch.equal(made[False], secret)
    assert made[False].shape == secret.shape


def test_marks_views_and_modes_of_tensors_are_made_again(tmp_path: Path) -> None:
    with torch.inference_mode():
        inference = torch.arange(8)
    whole = torch.randn(4, 6)
    marked = torch.ones(5, 4)
    torch._dynamo.mark_dynamic(marked, 0)
    flags = torch.zeros(3, dtype=torch.bool)
    made = Rebuilding()

    call = made.call(
        (inference, whole[1:3], whole.t()), {"marked": marked, "flags": flags, "none": None, "n": [1, 2.5]}
    )

    space: dict[str, Any] = {"torch": torch}
    exec("\n".join([*made.lines, f"result = {call}"]), space)
    (again, view, turned), named = space["result"]
    assert again.is_inference()
    assert torch.equal(again, torch.arange(8))
    assert view.untyped_storage().data_ptr() == turned.untyped_storage().data_ptr()
    assert (view.shape, view.stride(), view.storage_offset()) == ((2, 6), (6, 1), 6)
    assert turned.stride() == (1, 6)
    assert named["marked"]._dynamo_dynamic_indices == {0}
    assert (named["flags"].any().item(), named["none"], named["n"]) == (False, None, [1, 2.5])


ASKED: list[str] = []


class Watched:
    """Whose pickling is seen."""

    def __init__(self) -> None:
        self.value = 3

    def __reduce_ex__(self, protocol: Any) -> Any:
        ASKED.append("__reduce_ex__")
        raise RuntimeError("nobody may ask")

    def __getattr__(self, name: str) -> Any:
        ASKED.append(name)
        raise AttributeError(name)


def test_no_line_of_a_class_runs_where_its_objects_are_kept() -> None:
    value = Watched()
    made = Rebuilding()
    ASKED.clear()

    made.code(value)

    assert ASKED == []
    again = unpickler(None).Unpickler(io.BytesIO(made.objects["object_0"])).load()
    assert vars(again) == {"value": 3}


def test_what_cannot_be_made_again_is_told_with_the_reason(tmp_path: Path) -> None:
    lines: list[str] = []

    with watch(tell=lines.append, cases=tmp_path) as watching:
        torch.compile(added, backend="eager")(x(), None)
        torch.compile(added, backend="eager")(x(), {"bias": x(), "lock": threading.Lock()})

    assert not list(tmp_path.iterdir())
    assert lines[-1] == (
        "steadygraph: no case was written for serving-1 of `added`: the call of serving-1 cannot be made again: "
        "a lock hangs on it, whose content nobody knows"
    )
    assert watching.findings


def added(x: torch.Tensor, y: Any) -> torch.Tensor:
    return x * 2 if y is None else x + y["bias"]


def test_a_watch_that_is_closed_writes_no_cases(tmp_path: Path) -> None:
    with watch() as watching:
        pass

    with pytest.raises(UsageError) as caught:
        watching.write_case(tmp_path)

    assert (caught.value.problem, caught.value.hint) == (
        "the watch is closed",
        "write_case() before close(), or watch(cases=...)",
    )


def test_a_factory_that_is_none_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        watch(cases=tmp_path, factory="package.module")

    assert (caught.value.problem, caught.value.hint) == (
        "factory is 'package.module'",
        "write package.module:function",
    )
