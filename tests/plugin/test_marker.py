"""``@pytest.mark.graph_stable``."""

from __future__ import annotations

import pytest
from tests.plugin.conftest import Run, outcomes, section

FAILURE = (
    "image under drop: silent-wrong (2)\n"
    "  error SG101 none-at-profile [image]: silently wrong under drop, off by 2\n"
    "    argument `image` is None at profile, torch.float32[3] on cpu at serving\n"
    "    cases/case_broken.py:7 in forward: if image is not None:\n"
    "    the profile graph lacks 1 input (image) and 1 x add\n"
    "    fix: Pass zeros (ones where it multiplies) in the profile call and in every\n"
    "         serving call that has none: same type, keys, shapes, dtypes and device."
)


def test_a_test_holds_if_its_case_does(cases: pytest.Pytester, run: Run) -> None:
    cases.makepyfile(
        """
        import pytest

        @pytest.mark.graph_stable("cases/case_steady.py")
        def test_steady(): pass

        @pytest.mark.graph_stable("cases/case_broken.py", policy="drop")
        def test_broken(): pass

        @pytest.mark.graph_stable(case="cases/case_broken.py", policy=["drop"], allow=["none-at-profile"])
        def test_allowed(): pass

        @pytest.mark.graph_stable("cases/case_broken.py", policy="recompile", fail_on="error")
        def test_quiet(): pass

        @pytest.mark.graph_stable("cases/case_steady.py", allow=["SG402"])
        def test_unused(): pass
        """
    )

    found = run("-v")

    assert outcomes(found) == {
        "test_steady": "PASSED",
        "test_broken": "FAILED",
        "test_allowed": "PASSED",
        "test_quiet": "PASSED",
        "test_unused": "PASSED",
    }
    assert section(found, "test_broken") == FAILURE
    name = "test_a_test_holds_if_its_case_does.py"
    assert f"{name}::test_unused: allow accepts SG402, and there is no such finding: take it out" in found.outlines


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ("", "graph_stable names no case\n  hint: write graph_stable('case.py') or graph_stable(case=...)"),
        ("'a.py', 'b.py'", "graph_stable takes one case\n  hint: name the others: graph_stable(case, policy='drop')"),
        ("'a.py', case='b.py'", "graph_stable names two cases\n  hint: give one: graph_stable('case.py')"),
        ("'a.py', polcy='drop'", "graph_stable has no keyword 'polcy'\n  hint: did you mean policy?"),
        ("3", "cannot analyse int\n  hint: give a steadygraph.Case or a target such as 'case.py'"),
        ("'a.py', allow=3", "allow is 3\n  hint: write one name, or a list of them: allow=[...]"),
        ("'a.py', fail_on='eror'", "fail_on is 'eror', which is no severity\n  hint: did you mean error?"),
    ],
)
def test_a_marker_that_means_nothing_is_the_error_of_its_test(
    pytester: pytest.Pytester, run: Run, arguments: str, complaint: str
) -> None:
    pytester.makepyfile(f"import pytest\n\n@pytest.mark.graph_stable({arguments})\ndef test_model(): pass\n")

    found = run()

    found.assert_outcomes(errors=1)
    assert section(found, "ERROR at setup of test_model") == f"test_model: {complaint}"


def test_a_case_that_is_not_there_fails_the_test(pytester: pytest.Pytester, run: Run) -> None:
    pytester.makepyfile("import pytest\n\n@pytest.mark.graph_stable('nowhere.py')\ndef test_model(): pass\n")

    found = run()

    found.assert_outcomes(failed=1)
    assert section(found, "test_model") == (
        "test_a_case_that_is_not_there_fails_the_test.py::test_model failed: nowhere.py:\n"
        "  no such file\n"
        "hint: a target is case.py, package.module:Class or path/file.py:Class"
    )


def test_a_marker_is_known_to_pytest(run: Run) -> None:
    found = run("--markers")

    found.stdout.fnmatch_lines(["@pytest.mark.graph_stable(case, policy=None, allow=(), fail_on=None): *"])


def test_a_configuration_that_means_nothing_fails_the_test(cases: pytest.Pytester, run: Run) -> None:
    cases.makefile(".toml", pyproject="[tool.steadygraph]\nfail-on = 'loud'\n")
    cases.makepyfile("import pytest\n\n@pytest.mark.graph_stable('cases/case_steady.py')\ndef test_model(): pass\n")

    found = run()

    assert section(found, "test_model") == (
        "pyproject.toml [tool.steadygraph]: unknown fail-on 'loud'\n  hint: severities are error, warning, note, never"
    )
