"""The fixture ``steadygraph``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run, document, section

TESTS = """
import random

import pytest
import torch

import steadygraph as package
from cases.case_broken import Decoder, build, profile, serving


def test_report(steadygraph):
    report = steadygraph.analyze("cases/case_broken.py", policies=["drop"])
    assert report.outcome("image", "drop").result == "silent-wrong"
    assert not report.ok()


def test_budget(steadygraph):
    budget = steadygraph.budget("cases/case_broken.py")
    assert (budget.wrong, budget.unprotected) == (("image",), ())
    assert [one.protects for one in budget.kept if one.made_for == "profile"] == [("image",)]


def test_case_of_python(steadygraph):
    case = package.Case(build=build, profile=profile, serving=serving)
    with pytest.raises(pytest.fail.Exception, match="SG101"):
        steadygraph.assert_stable(case, policy="drop")
    steadygraph.assert_stable(case, allow=["SG101"])


def test_calls_in_one_line(steadygraph):
    x = torch.ones(3)
    steadygraph(torch.nn.ReLU(), profile=(x,), again=(x,))
    with pytest.raises(pytest.fail.Exception, match="SG101"):
        steadygraph(lambda x, y=None: x * 2 if y is None else x * y, profile=(x,), scaled={"x": x, "y": x})


def test_state(steadygraph):
    compiled = torch.compile(Decoder(), backend="eager")
    compiled(torch.ones(3))
    before = torch.get_rng_state(), random.getstate(), torch.is_grad_enabled()
    steadygraph.analyze("cases/case_broken.py")
    steadygraph.assert_stable("cases/case_steady.py")
    after = torch.get_rng_state(), random.getstate(), torch.is_grad_enabled()
    assert torch.equal(before[0], after[0]) and before[1:] == after[1:]
    with package.no_recompiles():
        compiled(torch.zeros(3))


def test_model_that_is_used_afterwards(steadygraph):
    model, call = torch.nn.Linear(4, 4), lambda: ((torch.ones(2, 4),), {})
    expected = model(torch.ones(2, 4))
    case = package.Case(build=lambda: model, profile=call, serving=lambda: {"a": call()})
    steadygraph.analyze(case, device="cuda")
    assert torch.equal(model(torch.ones(2, 4)), expected)


def test_wrong(steadygraph):
    with pytest.raises(package.UsageError, match="unknown policy 'dorp'"):
        steadygraph.assert_stable("cases/case_steady.py", policy="dorp")
"""


def test_it_analyses_and_asserts_and_leaves_everything_as_it_was(cases: pytest.Pytester, spawn: Run) -> None:
    cases.makepyfile(test_model=TESTS)
    cases.makeini("[pytest]\npythonpath = .\n")

    found = spawn("--steadygraph-report=out", "-W", "error")

    found.assert_outcomes(passed=7)
    assert [case["target"] for case in document(cases.path / "out")["cases"]] == [
        "test_model.py::test_budget",
        "test_model.py::test_calls_in_one_line",
        "test_model.py::test_calls_in_one_line #2",
        "test_model.py::test_case_of_python",
        "test_model.py::test_case_of_python #2",
        "test_model.py::test_model_that_is_used_afterwards",
        "test_model.py::test_report",
        "test_model.py::test_state",
        "test_model.py::test_state #2",
    ]
    assert section(found, "steadygraph").splitlines()[-1] == "report: out"
