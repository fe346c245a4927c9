"""``steadygraph init``: a first case of a class runs as it is written."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from steadygraph.case.case import build_model, load, profile_call, serving_calls

MODEL = """
import torch
from torch import nn

class Decoder(nn.Module):
    def __init__(self, hidden_size, num_layers: int, vocab_size, dropout=0.0):
        super().__init__()
        self.embed = nn.Embedding(vocab_size, hidden_size)
        self.layers = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(num_layers))

    def forward(self, input_ids, attention_mask=None):
        h = self.embed(input_ids)
        for layer in self.layers:
            h = layer(h)
        return h if attention_mask is None else h * attention_mask[..., None]

class Configured(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config.hidden, 3)

    def forward(self, x):
        return self.layer(x)

class Odd(nn.Module):
    def forward(self, engine: "Engine"):
        return engine.run()

class Typed(nn.Module):
    def __init__(self, path: "Path", table: dict):
        super().__init__()
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    return tmp_path


def test_a_case_of_a_class_is_analysed_as_it_is_written(model: Path, cli: Callable[..., Any]) -> None:
    made = cli("init", "model.py:Decoder")
    assert (made.code, made.out, made.err) == (0, "steadygraph analyze case_decoder.py\n", "")

    analyzed = cli("analyze", "case_decoder.py", "--format", "json")

    case = json.loads(analyzed.out)["cases"][0]
    assert case["error"] is None
    assert [one["name"] for one in case["scenarios"]] == ["profile", "again", "another size", "with attention_mask"]
    assert {one["rule"] for one in case["findings"]} == {"SG101", "SG203"}


@pytest.mark.parametrize(
    "target", ["Linear", "Conv1d", "Conv2d", "Embedding", "LayerNorm", "TransformerEncoderLayer", "Bilinear"]
)
def test_modules_of_torch_get_calls_that_they_take(target: str, tmp_path: Path, cli: Callable[..., Any]) -> None:
    made = cli("init", f"torch.nn:{target}", "--output", "case.py")

    assert (made.code, made.err) == (0, "")
    case = load("case.py")
    found = build_model(case)
    for call in (profile_call(case), *serving_calls(case).values()):
        found(*call.args, **call.kwargs)


def test_without_a_class_the_case_holds_an_example(tmp_path: Path, cli: Callable[..., Any]) -> None:
    cli("init")

    analyzed = cli("analyze", "case_attention.py", "--quiet")

    assert analyzed.code == 1
    assert analyzed.out == "case_attention.py: 1 error, 0 warnings, 0 notes\n"


def test_a_test_is_written_for_the_fixture(model: Path, cli: Callable[..., Any]) -> None:
    (model / "tests").mkdir()

    made = cli("init", "model.py:Decoder", "--pytest", "--output", "tests/test_decoder.py")

    assert (made.code, made.out) == (0, "pytest tests/test_decoder.py\n")
    text = (model / "tests" / "test_decoder.py").read_text()
    (function,) = (one for one in ast.parse(text).body if isinstance(one, ast.FunctionDef))
    assert (function.name, [one.arg for one in function.args.args]) == ("test_decoder_is_stable", ["steadygraph"])
    calls: list[dict[str, Any]] = []
    space: dict[str, Any] = {"__file__": str(model / "tests" / "test_decoder.py")}
    exec(compile(text, "test_decoder.py", "exec"), space)
    space[function.name](lambda model, **given: calls.append(given))
    assert list(calls[0]) == ["profile", "again", "another_size", "with_attention_mask"]


@pytest.mark.parametrize(
    ("name", "problem", "built"),
    [
        (
            "Configured",
            "Configured(config=16) raised AttributeError: 'int' object has no attribute 'hidden' (model.py:20)",
            "Configured(config=16)",
        ),
        ("Odd", "no arguments were found that Odd.forward takes", "Odd()"),
        ("Typed", "what path, table should be is not known", "Typed(path=..., table=...)"),
    ],
)
def test_what_is_left_to_be_filled_in_is_told(
    name: str, problem: str, built: str, model: Path, cli: Callable[..., Any]
) -> None:
    made = cli("init", f"model.py:{name}", "--output", "case.py")

    assert made.code == 0
    assert " ".join(made.err.split()) == f"case.py: {problem}; fill it in where it says TODO"
    text = (model / "case.py").read_text()
    assert f"    # TODO: {problem}\n    return {built}.eval()\n" in text
    ast.parse(text)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model.py:Nothing",), "error: model.py:Nothing has no class Nothing\n  hint: its classes are "),
        (("model.py",), "error: model.py names no class\n  hint: write model.py:Class\n"),
        (("json:JSONDecoder",), "error: json:JSONDecoder is no torch.nn.Module\n  hint: name the class of a model\n"),
        (("model.py:Decoder", "--output", "model.py"), "error: model.py is there already\n  hint: name another one"),
        (("model.py:Decoder", "--output", "no/c.py"), "error: cannot write no/c.py: there is no directory no\n"),
    ],
    ids=["no such class", "no class", "no module", "a file that is there", "no folder"],
)
def test_wrong_use_is_told_and_writes_nothing(
    arguments: tuple[str, ...], said: str, model: Path, cli: Callable[..., Any]
) -> None:
    made = cli("init", *arguments)

    assert (made.code, made.out) == (2, "")
    assert made.err.startswith(said)
    assert (model / "model.py").read_text() == MODEL
    assert [path.name for path in model.iterdir() if path.suffix == ".py"] == ["model.py"]


def test_random_numbers_of_the_process_are_left_alone(model: Path, cli: Callable[..., Any]) -> None:
    before = torch.get_rng_state()

    cli("init", "model.py:Decoder")

    assert torch.equal(torch.get_rng_state(), before)
