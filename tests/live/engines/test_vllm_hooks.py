"""Each place of vLLM that the plugin stands at is there; what has moved is named."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
from tests.live.engines.conftest import Server
from tests.live.engines.contract import moved

from steadygraph.live.engines.vllm_hooks import HOOKS, OF_MODELS

STAND_INS = Path(__file__).resolve().parent.parent / "stand_ins"


def test_the_stand_in_has_all_that_the_plugin_stands_at() -> None:
    assert moved(STAND_INS) == []


def copied(tmp_path: Path) -> Path:
    for file in STAND_INS.rglob("*.py"):
        copy = tmp_path / file.relative_to(STAND_INS)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("hook", HOOKS, ids=str)
def test_a_place_that_was_renamed_is_named(hook: object, tmp_path: Path) -> None:
    sources = copied(tmp_path)
    module, _, name = str(hook).partition(":")
    file = sources.joinpath(*module.split(".")).with_suffix(".py")
    last = name.rpartition(".")[2]
    file.write_text(file.read_text(encoding="utf-8").replace(last, f"{last}_anew"), encoding="utf-8")

    assert f"{module}:{name}" in moved(sources)


@pytest.mark.parametrize("attribute", [name for name, _ in OF_MODELS])
def test_an_attribute_of_models_that_was_renamed_is_named(attribute: str, tmp_path: Path) -> None:
    sources = copied(tmp_path)
    file = sources / "vllm" / "compilation" / "decorators.py"
    file.write_text(file.read_text(encoding="utf-8").replace(attribute, f"{attribute}_anew"), encoding="utf-8")

    assert moved(sources) == [f"vllm.compilation.decorators:_support_torch_compile sets no {attribute}"]


def test_an_engine_without_one_of_them_is_told_in_a_line(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(importlib.import_module("vllm.forward_context"), "get_forward_context")

    importlib.import_module("vllm.plugins").load_general_plugins()

    assert capsys.readouterr().err == (
        "steadygraph: vLLM is not watched: vLLM has no vllm.forward_context:get_forward_context any more; its plugin "
        "needs it: to ask the context of a step\n"
    )
