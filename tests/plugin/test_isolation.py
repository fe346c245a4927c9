"""What a model does to its process happens to its own tests alone."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest
from tests.plugin.conftest import BROKEN, Run, section

ENDS = {
    "abort": ("os.abort()", "the target was ended by signal SIGABRT"),
    "exit": ("os._exit(3)", "the target ended its process with exit code 3"),
    "sys_exit": ("sys.exit(3)", "build() of cases/case_sys_exit.py called sys.exit(3)"),
}


def test_a_model_that_ends_its_process_fails_its_own_tests(cases: pytest.Pytester, run: Run) -> None:
    for name, (statement, _) in ENDS.items():
        text = BROKEN.replace("return Decoder()", f"import os, sys\n    {statement}")
        (cases.path / "cases" / f"case_{name}.py").write_text(text, encoding="utf-8")

    found = run("--steadygraph", "-k", "drop and not broken")

    found.assert_outcomes(passed=3, failed=3, skipped=6, deselected=18)
    for name, (_, reason) in ENDS.items():
        text = " ".join(section(found, f"profile[drop] of cases/case_{name}.py").split()).replace("~/", "")
        assert text.startswith(f"cases/case_{name}.py failed: {reason}")


def test_a_file_that_ends_its_process_is_one_collection_error(cases: pytest.Pytester, run: Run) -> None:
    (cases.path / "cases" / "case_broken.py").write_text("import os\n\nos.abort()\n", encoding="utf-8")

    found = run("--steadygraph")

    found.assert_outcomes(passed=6, errors=1)
    assert section(found, "ERROR collecting cases/case_broken.py").splitlines()[0] == (
        "the target was ended by signal SIGABRT (in <module>, cases/case_broken.py:3)"
    )


def test_what_a_model_prints_is_captured_with_its_test(cases: pytest.Pytester, spawn: Run) -> None:
    text = BROKEN.replace("return x * 2", "return x * 2 if not print('in the model') else x")
    text = text.replace("return Decoder()", "print('building the model')\n    return Decoder()")
    (cases.path / "cases" / "case_broken.py").write_text(text, encoding="utf-8")

    found = spawn("--steadygraph", "-k", "broken and drop", "--show-capture=no")

    assert "building the model" not in found.stdout.str() + found.stderr.str()


def test_scenarios_that_were_there_when_the_file_was_read_and_are_gone_fail(cases: pytest.Pytester, run: Run) -> None:
    once = 'from pathlib import Path\n    first = not Path("read").exists()\n    Path("read").touch()\n    calls = '
    end = '\n    return calls if first else {"text": calls["text"]}\n'
    text = BROKEN.replace("return {", f"{once}{{").rstrip() + end
    (cases.path / "cases" / "case_broken.py").write_text(text, encoding="utf-8")

    found = run("--steadygraph", "cases/case_broken.py", "-k", "drop")

    found.assert_outcomes(passed=2, failed=1, deselected=3)
    assert section(found, "image[drop] of cases/case_broken.py") == (
        "image under drop\nthe scenario is gone: serving() gave other names when the case was analysed"
    )


def test_a_session_in_the_process_of_the_tests_leaves_each_module_once(cases: pytest.Pytester, run: Run) -> None:
    cases.makepyfile("def test_imports_what_nobody_did(): import steadygraph.history.changes.formats")

    run().assert_outcomes(passed=1)

    ours = {name: module for name, module in sys.modules.items() if name.startswith("steadygraph.")}
    assert "steadygraph.history.changes.formats" in ours
    packages = {name: name.rpartition(".") for name in ours}
    held = {name: getattr(sys.modules[package], own, None) for name, (package, _, own) in packages.items()}
    copies = [name for name, module in held.items() if isinstance(module, ModuleType) and module is not ours[name]]
    assert copies == []
