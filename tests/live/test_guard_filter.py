"""A deployment with a filter: plain torch.compile, in a process that knows nothing of the analysis."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

import steadygraph
from steadygraph import UsageError
from steadygraph.model.budget import Budget, FrameId, GuardId, KeptGuard
from steadygraph.observe.guards.budget_filter import BudgetFilter
from steadygraph.report.json import budgets

MODEL = """
    import torch

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = 2

        def forward(self, x, extra=None, flag=False):
            x = x * self.scale
            if flag:
                x = x - 1
            return x if extra is None else x + extra["features"]
"""
CASE = """
    import torch
    from model import Model as build

    def profile(): return (torch.ones(3, 4),), {}

    def serving():
        extra = {"features": torch.ones(3, 4)}
        return {
            "text": ((torch.zeros(3, 4),), {}),
            "image": ((torch.zeros(3, 4), extra), {}),
            "flagged": ((torch.zeros(3, 4),), {"flag": True}),
            "text_again": ((torch.ones(3, 4),), {}),
        }
"""
DEPLOYMENT = """
    import json, sys, torch, steadygraph
    from torch._dynamo.testing import CompileCounter
    from model import Model

    extra = {"features": torch.ones(3, 4)}
    calls = [
        ((torch.ones(3, 4),), {}),
        ((torch.zeros(3, 4), extra), {}),
        ((torch.ones(3, 4),), {}),
        ((torch.ones(3, 4),), {"flag": True}),
        ((torch.zeros(3, 4), extra), {}),
        ((torch.zeros(3, 4),), {}),
    ]
    counter = CompileCounter()
    filtered = steadygraph.guard_filter("budget.json", on_missing="raise")
    compiled = torch.compile(Model(), backend=counter, options={"guard_filter_fn": filtered})
    right = [torch.equal(compiled(*args, **kwargs), Model()(*args, **kwargs)) for args, kwargs in calls]
    print(json.dumps([right, counter.frame_count]))
"""
#: What a deployment may do where a guard is violated, in place of compiling.
STANCES = """
    import json, torch, steadygraph
    from model import Model

    (args, kwargs), image = ((torch.ones(3, 4),), {}), (torch.zeros(3, 4), {"features": torch.ones(3, 4)})
    keep = steadygraph.guard_filter("budget.json", on_missing="raise")
    compiled = torch.compile(Model(), backend="eager", options={"guard_filter_fn": keep})
    compiled(*args)
    with torch.compiler.set_stance("eager_on_recompile"):
        right = torch.equal(compiled(*image), Model()(*image))
    try:
        with torch.compiler.set_stance("fail_on_recompile"):
            compiled(*args)
            compiled(*image)
        refused = False
    except RuntimeError as error:
        refused = "extra is None" in str(error) or "recompile" in str(error)
    print(json.dumps([right, refused]))
"""


@pytest.fixture
def budget_text(once: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """What ``steadygraph budget`` writes about the model."""

    def made() -> str:
        folder = written(tmp_path_factory.mktemp("budget"))
        command = [sys.executable, "-m", "steadygraph", "budget", "case.py", "--no-torch-filters", "-o", "budget.json"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return (folder / "budget.json").read_text(encoding="utf-8")

    return once("guard-filter.json", made)


def written(folder: Path) -> Path:
    for name, text in (("model.py", MODEL), ("case.py", CASE), ("deployment.py", DEPLOYMENT)):
        (folder / name).write_text(textwrap.dedent(text), encoding="utf-8")
    return folder


def test_every_call_of_a_deployment_is_right_and_nothing_is_compiled_twice(budget_text: str, tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "budget.json").write_text(budget_text, encoding="utf-8")

    done = subprocess.run([sys.executable, "deployment.py"], cwd=folder, capture_output=True, text=True, check=False)

    assert done.stderr == ""
    right, compiled = json.loads(done.stdout)
    assert right == [True] * 6
    # The profile call, the image, and the flag.
    assert compiled == 3


def test_a_violated_guard_is_run_in_eager_mode_or_refused_as_the_deployment_chooses(
    budget_text: str, tmp_path: Path
) -> None:
    folder = written(tmp_path)
    (folder / "budget.json").write_text(budget_text, encoding="utf-8")
    (folder / "stances.py").write_text(textwrap.dedent(STANCES), encoding="utf-8")

    done = subprocess.run([sys.executable, "stances.py"], cwd=folder, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [True, True]


def test_the_same_calls_are_wrong_without_the_guards(tmp_path: Path) -> None:
    deployment = DEPLOYMENT.replace(
        'steadygraph.guard_filter("budget.json", on_missing="raise")', "torch.compiler.skip_all_guards_unsafe"
    )
    (written(tmp_path) / "deployment.py").write_text(textwrap.dedent(deployment), encoding="utf-8")

    done = subprocess.run([sys.executable, "deployment.py"], cwd=tmp_path, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [[True, False, True, False, False, True], 1]


def test_what_a_budget_keeps_is_what_a_reader_would_have_chosen(budget_text: str) -> None:
    (only,) = budgets.from_json(budget_text).budgets

    assert [(one.says, one.protects) for one in only.budget.kept if one.made_for == "profile"] == [
        ("flag == False", ("flagged",)),
        ("extra is None", ("image",)),
    ]
    assert (only.budget.wrong, only.budget.unprotected) == (("image", "flagged"), ())


# --- the filter by itself --------------------------------------------------------------------------------------

FRAME = FrameId("model.py", "forward")
DEEP = GuardId("L['deep']", "NONE_MATCH", "model.py", "forward", "if deep is None:")


def entry(guard: GuardId, line: int = 7) -> SimpleNamespace:
    """What Dynamo hands to a filter for a guard."""
    stack = [SimpleNamespace(filename=f"/srv/{guard.file}", name=guard.function, line=guard.text, lineno=line)]
    made = SimpleNamespace(name=guard.source, user_stack=stack if guard.file else None, code_list=[])
    return SimpleNamespace(orig_guard=made, guard_type=guard.guard_type, derived_guard_types=())


def kept(*guards: GuardId, on_missing: str = "warn", frames: tuple[FrameId, ...] = (FRAME,)) -> BudgetFilter:
    found = [KeptGuard(guard, str(guard), frame=FRAME) for guard in guards]
    return BudgetFilter(found, frames, on_missing=on_missing, label="budget.json")  # type: ignore[arg-type]


def guard(source: str, kind: str, text: str = "x", function: str = "forward") -> GuardId:
    return GuardId(source, kind, "model.py", function, text)


def test_a_guard_is_found_by_what_it_is_wherever_it_stands() -> None:
    others = [entry(guard("L['x']", "TENSOR_MATCH")), entry(guard("L['deep']", "HASATTR")), entry(DEEP, line=900)]

    assert kept(DEEP)(others) == [False, False, True]
    assert kept(DEEP)(others[::-1]) == [True, False, False]


def test_of_two_of_a_type_on_one_source_the_one_of_the_line_is_kept() -> None:
    one, other = guard("L['d']", "DICT_CONTAINS", "d['a']"), guard("L['d']", "DICT_CONTAINS", "d['b']")

    assert kept(other)([entry(one), entry(other)]) == [False, True]


def test_where_the_line_was_rewritten_all_of_its_type_on_the_source_are_kept() -> None:
    moved = [entry(guard("L['deep']", "NONE_MATCH", text)) for text in ("if not deep:", "assert deep is None")]

    assert kept(DEEP)([*moved, entry(guard("L['deep']", "HASATTR"))]) == [True, True, False]


def test_what_is_compiled_again_keeps_what_is_asked_of_the_same_value_in_another_way() -> None:
    again = [guard("L['deep']", "TYPE_MATCH"), guard("L['deep']['a']", "TENSOR_MATCH"), guard("L['x']", "TENSOR_MATCH")]

    assert kept(DEEP)(list(map(entry, again))) == [True, False, False]
    assert kept(DEEP)(list(map(entry, again[1:]))) == [True, False]


def test_a_name_that_only_begins_alike_is_another_one() -> None:
    with pytest.warns(UserWarning, match="has no guard on"):
        assert kept(DEEP)([entry(guard("L['deeper']", "NONE_MATCH"))]) == [False]
    with pytest.warns(UserWarning, match="has no guard on"):
        assert kept(guard("L['self'].a", "X"))([entry(guard("L['self'].ab", "X"))]) == [False]


def test_a_guard_that_the_model_lacks_is_told_once() -> None:
    missing, others = kept(DEEP), [entry(guard("L['x']", "TENSOR_MATCH"))]

    with pytest.warns(UserWarning, match="^budget.json") as told:
        missing(others)
    with warnings.catch_warnings(action="error"):
        missing(others)

    assert [str(one.message) for one in told] == [
        "budget.json does not fit the model: forward in model.py has no guard on L['deep']; "
        "find out anew which guards matter: steadygraph budget"
    ]


def test_a_guard_that_the_model_lacks_may_be_an_error() -> None:
    with pytest.raises(UsageError) as caught:
        kept(DEEP, on_missing="raise")([entry(guard("L['x']", "TENSOR_MATCH"))])

    assert str(caught.value) == (
        "budget.json does not fit the model: forward in model.py has no guard on L['deep']\n"
        "  hint: find out anew which guards matter: steadygraph budget"
    )


def test_all_guards_of_a_function_that_the_budget_does_not_know_may_be_kept() -> None:
    unknown = [entry(guard("L['x']", "TENSOR_MATCH", function="other")), entry(GuardId("", "GRAD_MODE"))]

    with pytest.warns(UserWarning, match="it knows no compiled function other in model.py; all guards"):
        assert kept(on_missing="keep_all")(unknown) == [True, True]


def test_a_function_that_only_serving_calls_compiled_keeps_all_its_guards() -> None:
    later = FrameId("model.py", "later")
    whole = BudgetFilter([], [FRAME, later], [later], on_missing="raise", label="budget.json")

    assert whole([entry(guard("L['x']", "TENSOR_MATCH"))]) == [False]
    assert whole([entry(guard("L['x']", "TENSOR_MATCH", function="later"))]) == [True]


def test_a_function_that_goes_on_after_a_graph_break_is_known_though_its_line_has_moved() -> None:
    frames = (FrameId("model.py", "torch_dynamo_resume_in_forward_at_<n>"),)

    with warnings.catch_warnings(action="error"):
        kept(frames=frames)([entry(guard("L['x']", "X", function="torch_dynamo_resume_in_forward_at_94"))])


# --- the file --------------------------------------------------------------------------------------------------


def test_a_budget_is_read_as_it_was_written() -> None:
    budget = Budget((KeptGuard(DEEP, "deep is None", frame=FRAME, protects=("image",)),), 1, wrong=("image",))

    text = budgets.to_json({"case.py": budget}, tool_version="1", environment={})

    assert [(one.target, one.budget) for one in budgets.from_json(text).budgets] == [("case.py", budget)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{",
            "budget.json: the budget is not JSON: "
            "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("{}", "budget.json: this JSON is not a budget of steadygraph: it has no budget_version"),
        ('{"budget_version": 7}', "budget.json: the budget has version 7, this steadygraph reads 1"),
        (
            '{"budget_version": 1, "tool_version": "1", "environment": {}, "budgets": 3}',
            "budget.json: this JSON is not a budget of steadygraph: budgets: Input should be a valid tuple",
        ),
    ],
)
def test_what_is_no_budget_is_refused(text: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("budget.json").write_text(text, encoding="utf-8")

    with pytest.raises(UsageError) as caught:
        steadygraph.guard_filter("budget.json")

    assert caught.value.problem == message


def test_what_is_to_be_done_about_a_missing_guard_is_one_of_three_things(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        steadygraph.guard_filter(tmp_path / "budget.json", on_missing="rais")  # type: ignore[arg-type]

    assert str(caught.value) == "on_missing is 'rais'\n  hint: did you mean raise?"
