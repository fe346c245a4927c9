"""A stand-in for vLLM, watched by the plugin: what it burned in at warm-up and serving no longer satisfies is told."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tests.live.engines.conftest import Server, forget_stand_ins

from steadygraph.live.engines import calls
from steadygraph.model import PROFILE, Severity


def loud(server: Server) -> list[tuple[str, str, str]]:
    return [(f.severity.value, f.rule, f.scenario) for f in server.findings() if f.severity is not Severity.NOTE]


@pytest.mark.parametrize("runner", ["gpu_model_runner", "gpu.model_runner"])
@pytest.mark.parametrize("is_cached", [False, True], ids=["cold", "loaded"])
def test_none_at_warm_up_and_an_image_at_serving_is_told_with_its_line(
    server: Server, line_of: Callable[[str], int], capsys: pytest.CaptureFixture[str], runner: str, is_cached: bool
) -> None:
    server.start(runner=runner, is_cached=is_cached)

    server.serve(5)
    server.serve(3, image=True)

    line = line_of("if deepstack is not None")
    assert capsys.readouterr().err == (
        "steadygraph [rank 0]: error SG101 [serving-2] argument `deepstack` is None at profile, IntermediateTensors "
        f"with 1 tensor at serving (tests/live/stand_ins/served_model.py:{line})\n"
    )
    (finding,) = server.stored().findings
    assert (finding.rule, finding.region, finding.location and finding.location.line) == (
        "SG101",
        "TextWithImages",
        line,
    )


def test_the_mended_getter_has_nothing_above_a_note(server: Server) -> None:
    server.start(mended=True)

    for rows, image in ((5, False), (1, False), (3, True), (1, True)):
        server.serve(rows, image=image)

    assert loud(server) == []
    (case,) = server.watching.report().cases
    counts = {entry.name: entry.seen and entry.seen.calls for entry in case.scenarios}
    assert counts == {PROFILE: 1, "serving-1": 2, "serving-2": 2}


@pytest.mark.parametrize("mended", [False, True])
def test_the_engine_gives_the_same_bits_with_and_without_a_watch(
    server: Server, monkeypatch: pytest.MonkeyPatch, mended: bool
) -> None:
    def results() -> list[torch.Tensor]:
        torch.compiler.reset()
        server.start(mended=mended)
        return [server.serve(rows, image=image) for rows, image in ((5, False), (1, False), (3, True), (3, False))]

    seen = results()
    forget_stand_ins()
    monkeypatch.delenv("STEADYGRAPH_WATCH")
    alone = results()

    assert server.engine is None
    assert all(torch.equal(one, other) for one, other in zip(alone, seen, strict=True))


def test_a_class_decorated_twice_is_one_region(server: Server) -> None:
    server.start()

    server.serve(5)

    assert [case.target for case in server.watching.report().cases] == ["TextWithImages"]


def test_the_plugin_loaded_twice_stands_there_once(server: Server) -> None:
    plugins: Any = importlib.import_module("vllm.plugins")
    server.start()
    wrapper = importlib.import_module("vllm.compilation.wrapper").TorchCompileWithNoGuardsWrapper
    before = wrapper.__init__

    plugins.plugins_loaded = False
    plugins.load_general_plugins()

    assert wrapper.__init__ is before


def test_a_flag_is_seen_although_only_steps_of_one_token_run(
    server: Server, monkeypatch: pytest.MonkeyPatch, line_of: Callable[[str], int]
) -> None:
    monkeypatch.setenv("STEADYGRAPH_WATCH_EVERY", "4")
    server.start()
    for _ in range(6):
        server.serve(1)

    server.text.doubled = True
    for _ in range(4):
        server.serve(1)

    assert [(f.rule, f.severity.value, f.location and f.location.line) for f in server.findings()] == [
        ("SG301", "error", line_of("if self.doubled"))
    ]


def test_a_flag_is_seen_although_only_steps_with_images_run(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYGRAPH_WATCH_EVERY", "4")
    server.start()
    for _ in range(6):
        server.serve(3, image=True)

    server.text.doubled = True
    for _ in range(4):
        server.serve(3, image=True)

    assert {f.rule for f in server.findings()} == {"SG101", "SG301"}


def test_sizes_alone_are_a_remark(server: Server) -> None:
    server.start()

    server.serve(1)

    (case,) = server.watching.report().cases
    assert loud(server) == []
    assert (
        "`TextWithImages`: in serving-1 only sizes are others than the graph was made for: `2 <= x.shape[0]` fails"
        in case.notes
    )


def test_what_runs_on_made_up_inputs_is_not_looked_at(server: Server) -> None:
    server.start()
    server.serve(5)

    server.text.doubled = True
    for _ in range(3):
        server.runner._dummy_run(7)

    (case,) = server.watching.report().cases
    assert [entry.name for entry in case.scenarios] == [PROFILE, "serving-1"]
    assert server.findings() == []


def test_a_step_that_runs_uncompiled_is_not_looked_at(server: Server) -> None:
    server.start()

    server.serve(3, image=True, skip_compiled=True)

    assert server.findings() == []


def test_a_model_that_is_not_compiled_is_no_region(server: Server) -> None:
    server.start(mode=0)

    server.serve(3, image=True)

    assert not server.directory.exists()


def test_nothing_is_done_while_a_cuda_graph_is_captured(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    device = SimpleNamespace(is_available=lambda: True, is_current_stream_capturing=lambda: True)
    monkeypatch.setattr(calls, "torch", SimpleNamespace(cuda=device))

    server.start()
    server.serve(3, image=True)

    (case,) = server.watching.report().cases
    assert case.notes == ("no model that the engine has compiled was called yet",)


@pytest.mark.parametrize(("ranking", "found"), [("static", {"error"}), ("prove", set())])
def test_a_structure_that_changes_nothing_is_none_once_it_is_proved(
    server: Server, monkeypatch: pytest.MonkeyPatch, ranking: str, found: set[str]
) -> None:
    def either(self: Any, x: torch.Tensor, deepstack: Any = None) -> torch.Tensor:
        if deepstack is None:
            return self.layer(x)
        return self.layer(x)

    monkeypatch.setenv("STEADYGRAPH_WATCH_RANK", ranking)
    monkeypatch.setattr(importlib.import_module("served_model").TextWithImages, "forward", either)
    server.start()

    server.serve(3, image=True)

    (case,) = server.watching.report().cases
    _, serving = case.scenarios
    assert [guard.matters for guard in serving.violated_guards] == [None if ranking == "static" else False]
    assert {severity for severity, *_ in loud(server)} == found


def test_a_branch_on_sizes_is_told_once_it_is_proved(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def branching(self: Any, x: torch.Tensor, deepstack: Any = None) -> torch.Tensor:
        return self.layer(x) * 2 if x.shape[0] > 6 else self.layer(x)

    monkeypatch.setenv("STEADYGRAPH_WATCH_RANK", "prove")
    model = importlib.import_module("served_model")
    monkeypatch.setattr(model.TextWithImages, "forward", branching)
    server.start()

    server.serve(9)
    server.serve(4)

    assert [(f.severity.value, f.scenario) for f in server.findings()] == [("error", "serving-2")]


def test_structures_beyond_the_limit_are_counted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADYGRAPH_WATCH_STRUCTURES", "1")
    server.start()

    server.serve(5)
    for _ in range(2):
        server.serve(3, image=True)

    (case,) = server.watching.report().cases
    assert [entry.name for entry in case.scenarios] == [PROFILE, "serving-1"]
    assert any("`TextWithImages`: 2 calls" in note and "were counted" in note for note in case.notes)


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("EVERY", "0", "STEADYGRAPH_WATCH_EVERY is '0'; write how many, 1 or more"),
        ("STRUCTURES", "many", "STEADYGRAPH_WATCH_STRUCTURES is 'many'; write how many, 1 or more"),
        ("RANK", "live", "STEADYGRAPH_WATCH_RANK is 'live'; write static or prove"),
    ],
)
def test_a_value_that_means_nothing_is_one_line_and_the_engine_runs_unwatched(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    variable: str,
    value: str,
    line: str,
) -> None:
    monkeypatch.setenv(f"STEADYGRAPH_WATCH_{variable}", value)

    server.start()
    server.serve(3, image=True)

    assert capsys.readouterr().err == f"steadygraph: vLLM is not watched: {line}\n"
    assert server.engine is None


def test_a_directory_that_cannot_be_written_to_is_one_line(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Any
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STEADYGRAPH_WATCH", str(tmp_path / "file"))

    server.start()
    server.serve(3, image=True)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"steadygraph: `TextWithImages` is not watched: cannot make the directory {tmp_path}/file/")
