"""The Python interface: the same analysis, in the caller's process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import steadygraph
from steadygraph import Case, CaseError, Policy, Report, Result, TargetError, UsageError, analyze

Write = Callable[..., Path]

MODEL = """
    import torch
    class Scale(torch.nn.Module):
        def forward(self, x, extra=None):
            return x * 2 if extra is None else x * 2 + extra
"""
CALLS = """
    import torch
    def profile(): return (torch.ones(3),), {}
    def serving(): return {"extra": ((torch.zeros(3), torch.ones(3)), {})}
"""
CASE = MODEL + CALLS + "    def build(): return Scale()\n"


class Scale(torch.nn.Module):
    def forward(self, x: torch.Tensor, extra: torch.Tensor | None = None) -> torch.Tensor:
        return x * 2 if extra is None else x * 2 + extra


def case() -> Case:
    return Case(
        build=Scale,
        profile=lambda: ((torch.ones(3),), {}),
        serving=lambda: {"extra": ((torch.zeros(3), torch.ones(3)), {})},
        target="scale",
    )


def test_a_case_from_python_is_analysed() -> None:
    report = analyze(case())

    assert isinstance(report, Report)
    assert [entry.target for entry in report.cases] == ["scale"]
    assert report.outcome("extra", "drop").result is Result.SILENT_WRONG
    assert not report.ok()


def test_a_file_is_analysed_as_on_the_command_line(write_case: Write) -> None:
    file = write_case(CASE)

    by_path, by_name = analyze(file), analyze(str(file))

    assert by_path.findings == by_name.findings
    assert {finding.kind.value for finding in by_path.findings} == {"input-structure"}


def test_a_class_is_analysed_with_another_case_file(write_case: Write) -> None:
    model = write_case(MODEL, "api_model.py")
    other = write_case(CALLS + "    def build(cls): return cls()\n")

    report = analyze(f"{model}:Scale", case_file=other, policies=["drop"])

    assert report.outcome("extra", Policy.DROP).result is Result.SILENT_WRONG


def test_a_report_knows_where_the_class_of_the_model_stands(write_case: Write) -> None:
    report = analyze(write_case(CASE))

    place = report.cases[0].location
    assert place is not None
    assert (place.line, place.function, place.text) == (3, "Scale", "class Scale(torch.nn.Module):")


def test_a_class_without_source_has_no_place() -> None:
    made = type("Made", (Scale,), {"__module__": "nowhere"})

    report = analyze(Case(build=made, profile=case().profile, serving=case().serving, target="made"))

    assert report.cases[0].location is None


def test_policies_may_be_names_or_members() -> None:
    report = analyze(case(), policies=["shapes-only", Policy.RECOMPILE])

    policies = {outcome.policy for entry in report.cases[0].scenarios for outcome in entry.outcomes}
    assert policies == {Policy.SHAPES_ONLY, Policy.RECOMPILE}


def test_rules_can_be_left_out() -> None:
    assert analyze(case(), ignore=["SG"]).findings == ()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"policies": ["dorp"]}, "unknown policy 'dorp'\n  hint: did you mean drop?"),
        ({"backends": []}, "no backend is named\n  hint: backends are eager, aot_eager, inductor"),
        (
            {"case_file": "case.py"},
            "case_file goes with a target, and a Case was given\n  hint: leave case_file out",
        ),
    ],
)
def test_arguments_that_mean_nothing_are_told(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        analyze(case(), **arguments)  # type: ignore[arg-type]

    assert str(caught.value) == said


def test_something_that_is_no_case_is_told() -> None:
    with pytest.raises(UsageError) as caught:
        analyze(Scale())  # type: ignore[arg-type]

    assert str(caught.value) == "cannot analyse Scale\n  hint: give a steadygraph.Case or a target such as 'case.py'"


def test_problems_of_the_case_are_raised(write_case: Write) -> None:
    unusable = write_case(CASE + "    del serving\n", "unusable.py")
    raising = write_case(CASE + "    def build(): raise ValueError('no width')\n", "raising.py")

    with pytest.raises(CaseError, match=r"unusable\.py defines no serving\(\)"):
        analyze(unusable)
    with pytest.raises(TargetError, match=r"build\(\) of .*raising\.py raised ValueError: no width"):
        analyze(raising)


def test_a_model_that_exits_does_not_end_the_caller(write_case: Write) -> None:
    file = write_case(CASE + "    import sys\n    def before(model, name): sys.exit(3)\n")

    with pytest.raises(TargetError) as caught:
        analyze(file)

    line = len(CASE.splitlines()) + 2
    assert str(caught.value) == (
        f"the target called sys.exit(3) ({file}:{line})\n  hint: a target must not end the process"
    )


def test_importing_the_package_imports_no_torch() -> None:
    code = "import sys, steadygraph; steadygraph.Case, steadygraph.__version__; sys.exit('torch' in sys.modules)"

    done = subprocess.run([sys.executable, "-c", code], check=False)

    assert done.returncode == 0


def test_every_public_name_exists() -> None:
    assert {name for name in steadygraph.__all__ if not hasattr(steadygraph, name)} == set()
    assert set(steadygraph.__all__) <= set(dir(steadygraph))


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="module 'steadygraph' has no attribute 'analyse'"):
        steadygraph.analyse  # noqa: B018
