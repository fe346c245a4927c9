"""``pytest --steadygraph``: which files are collected, and how their tests are chosen."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import BROKEN, ITEMS, Run, outcomes, section

HEAD = '"""Not for pytest."""\nimport torch_is_not_needed_here\n'


def test_a_case_is_a_test_for_each_scenario_and_policy(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "-v", "cases/case_broken.py")

    assert found.ret == pytest.ExitCode.TESTS_FAILED
    assert outcomes(found) == {name: "FAILED" if name.startswith("image") else "PASSED" for name in ITEMS}


def test_names_are_told_without_an_analysis(cases: pytest.Pytester, run: Run) -> None:
    found = run("--steadygraph", "--collect-only", "-q", "cases/case_broken.py")

    assert found.outlines[:7] == [*(f"cases/case_broken.py::{name}" for name in ITEMS), ""]
    assert found.outlines[7].startswith("6 tests collected in ")


def test_a_case_file_is_left_alone_where_nobody_asks_for_it(cases: pytest.Pytester, run: Run) -> None:
    (cases.path / "cases" / "case_broken.py").write_text(HEAD, encoding="utf-8")

    found = run("-q")

    assert found.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "no tests ran" in found.outlines[-1]


def test_a_case_that_is_named_on_the_command_line_is_no_test_module(cases: pytest.Pytester, run: Run) -> None:
    file = cases.path / "cases" / "case_steady.py"
    file.write_text(f"{file.read_text(encoding='utf-8')}\n\ndef test_nothing():\n    pass\n", encoding="utf-8")

    found = run("--steadygraph", "-v", "--import-mode=importlib", "cases/case_steady.py")

    assert outcomes(found) == dict.fromkeys(ITEMS, "PASSED")


def test_tests_are_chosen_by_name_and_by_what_failed_before(cases: pytest.Pytester, run: Run) -> None:
    by_name = run("--steadygraph", "-v", "-k", "image and drop and broken")
    failed_before = run("--steadygraph", "-v", "--lf")
    first = run("--steadygraph", "-v", "-x", "cases/case_broken.py")
    one = run("--steadygraph", "-v", "cases/case_broken.py::text[drop]")

    assert outcomes(by_name) == outcomes(failed_before) == {"image[drop]": "FAILED"}
    assert list(outcomes(first).values()) == [*["PASSED"] * 4, "FAILED"]
    assert outcomes(one) == {"text[drop]": "PASSED"}


def test_a_marker_of_a_folder_chooses_its_cases(cases: pytest.Pytester, run: Run) -> None:
    cases.makeini("[pytest]\nmarkers = gpu: needs a GPU\n")
    (cases.path / "cases" / "conftest.py").write_text(
        "import pytest\n\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        if item.path.name == 'case_broken.py':\n"
        "            item.add_marker(pytest.mark.gpu)\n",
        encoding="utf-8",
    )

    found = run("--steadygraph", "-m", "not gpu", "-p", "no:cacheprovider")

    found.assert_outcomes(passed=6, deselected=6)


def test_a_syntax_error_is_one_collection_error_and_the_others_run(cases: pytest.Pytester, run: Run) -> None:
    (cases.path / "cases" / "case_broken.py").write_text("import torch\n\ndef build(:\n", encoding="utf-8")

    found = run("--steadygraph")

    found.assert_outcomes(passed=6, errors=1)
    assert section(found, "ERROR collecting cases/case_broken.py") == (
        "cases/case_broken.py:3: syntax error: invalid syntax\n  hint: look at: def build(:"
    )
    assert section(found, "steadygraph") == "2 cases (1 failed), 0 errors, 0 warnings, 0 notes in 3 scenarios"


def test_the_configuration_names_further_cases_wherever_they_lie(cases: pytest.Pytester, run: Run) -> None:
    cases.makefile(".toml", pyproject='[tool.steadygraph]\ncases = ["models/*.py", "decoder.py"]\n')
    cases.makeini("[pytest]\ntestpaths = cases\n")
    for name in ("models/encoder.py", "models/inner/encoder.py", "decoder.py"):
        file = cases.path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(BROKEN, encoding="utf-8")

    everything = run("--steadygraph", "--collect-only", "-q", "-k", "text and drop")
    below = run("--steadygraph", "--collect-only", "-q", "-k", "text and drop", "models")

    case = [f"cases/case_{name}.py::text[drop]" for name in ("broken", "steady")]
    assert everything.outlines[:5] == [*case, "decoder.py::text[drop]", "models/encoder.py::text[drop]", ""]
    assert below.outlines[:2] == ["models/encoder.py::text[drop]", ""]


def test_what_is_wrong_in_the_configuration_is_told_before_anything_runs(cases: pytest.Pytester, run: Run) -> None:
    cases.makefile(".toml", pyproject='[tool.steadygraph]\ncase = ["models/*.py"]\n')

    found = run("--steadygraph")

    assert found.ret == pytest.ExitCode.USAGE_ERROR
    assert found.errlines[:2] == [
        "ERROR: pyproject.toml [tool.steadygraph]: unknown key 'case'",
        "  hint: did you mean cases?",
    ]
