"""Markdown for a job summary: what a reader sees, read by another implementation of Markdown."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from markdown_it import MarkdownIt
from markdown_it.token import Token

from steadygraph.model import CaseReport, Location, LockChange, Outcome, Policy, Result, ScenarioReport, Severity
from steadygraph.model.run import IN_BASELINE, RunReport
from steadygraph.report.ci import markdown

from .hostile import ROOT, reports, thorough

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def text_of(*cases: CaseReport, **fields: object) -> str:
    return markdown.render(RunReport(cases, {}, "0.1.0", **fields), ROOT)  # type: ignore[arg-type]


def tokens(text: str) -> list[Token]:
    """All tokens, those inside of lines too."""
    return [each for block in READER.parse(text) for each in (block, *(block.children or ()))]


def seen(text: str) -> str:
    """The words that a reader sees."""
    return "".join(each.content for each in tokens(text) if each.type in ("text", "code_inline", "text_special"))


def test_a_summary_of_three_cases(broken: CaseReport, repaired: CaseReport, failed: CaseReport) -> None:
    assert text_of(broken, repaired, failed) == (
        "# steadygraph: 3 cases (1 failed), 2 errors, 0 warnings, 0 notes\n"
        "\n"
        "| case | result |\n"
        "|---|---|\n"
        "| `examples/broken.py` | 2 errors |\n"
        "| `examples/repaired.py` | no findings |\n"
        "| `examples/empty.py` | **failed** |\n"
        "\n"
        "## `examples/empty.py`\n"
        "\n"
        "**failed** (CaseError): examples/empty.py defines no profile()\n"
        "\n"
        "Hint: add a function profile() that returns (args, kwargs) of the warm-up call\n"
        "\n"
        "## `examples/broken.py`\n"
        "\n"
        "| scenario | recompile | drop |\n"
        "|---|---|---|\n"
        "| `text` | same | same |\n"
        "| `image` | recompiles (1) | silent-wrong (0.59) |\n"
        "| `video` | same | silent-wrong (0.61) |\n"
        "\n"
        "- **error** SG101 none-at-profile \\[image, video\\]: silently wrong under drop, off by up to 0.61\n"
        "  - argument `kwargs['deepstack']` is None at profile, IntermediateTensors with 3 tensors at serving\n"
        "    <br>`examples/model.py:41`: `if deepstack is not None:`\n"
        "  - the profile graph lacks 3 inputs (kwargs\\['deepstack'\\].tensors\\['d0'\\], ...) "
        "and 3 x aten.add.Tensor\n"
        "  - Fix: Pass `kwargs['deepstack']` at profile too, zero-filled: the same keys, shapes and dtypes.\n"
    )


def test_names_are_text_whatever_they_look_like(broken: CaseReport) -> None:
    name = "<script>alert(1)</script> | `a` *b* [c](http://d.org) $e$ &lt; \\"
    scenario = replace(broken.scenarios[2], name=name)
    finding = replace(broken.findings[0], scenario=name, message=name, fix=name, location=Location(name, 3, "f", name))

    text = text_of(replace(broken, target=name, scenarios=(scenario,), findings=(finding,)))

    words = seen(text)
    # The target twice, the scenario, the place and its line; in message and fix what stands between backticks is code.
    assert words.count(name) == 5
    assert words.count(name.replace("`", "")) == 2
    assert {each.content for each in tokens(text) if each.type.startswith("html")} == {"<br>"}


def test_a_stray_backtick_is_a_backtick(broken: CaseReport) -> None:
    finding = replace(broken.findings[0], message="one ` and <b> `two`")

    text = text_of(replace(broken, findings=(finding,)))

    assert "one ` and <b> `two`" in seen(text)


def test_accepted_findings_and_remarks_are_told(broken: CaseReport) -> None:
    accepted = tuple(replace(finding, allowed="never asked for") for finding in broken.findings)

    text = text_of(replace(broken, findings=accepted, notes=("x < y",)))

    assert text.endswith("- accepted SG101 none-at-profile \\[image, video\\]: never asked for\n- x \\< y\n")


def test_the_baseline_and_the_lock_are_told(broken: CaseReport) -> None:
    known = tuple(replace(finding, allowed=IN_BASELINE) for finding in broken.findings)

    text = text_of(replace(broken, findings=known, lock_changes=(LockChange("profile", "image"),)))

    assert "| `examples/broken.py` | 2 accepted, not as locked |\n" in text
    assert text.endswith("\n- 2 findings are in the baseline.\n- **warning** not as locked: image\n")


def test_notes_that_are_not_listed_are_counted(broken: CaseReport) -> None:
    from steadygraph.model import Consequence

    note = replace(broken.findings[0], severity=Severity.NOTE, consequence=Consequence.BENIGN, path="args[1].shape[0]")
    case = replace(broken, findings=(note,))

    assert "- 1 note not listed: guards that differ and change no graph.\n" in text_of(case)
    assert "not listed" not in text_of(case, fail_on="note")


def test_an_interrupted_run_says_so() -> None:
    assert text_of(interrupted=True) == (
        "# steadygraph: 0 cases, 0 errors, 0 warnings, 0 notes\n\n**Interrupted** before all targets were analysed.\n"
    )


def large(case: CaseReport, number: int) -> CaseReport:
    """A case whose section takes about 30 KB."""
    findings = tuple(
        replace(case.findings[0], path=f"kwargs['x{each}']", message=f"{number} {each} " + "ö" * 350, fix=str(each))
        for each in range(40)
    )
    return replace(case, target=f"case_{number}.py", findings=findings)


def test_what_does_not_fit_is_counted(broken: CaseReport) -> None:
    cases = tuple(large(broken, number) for number in range(50))

    text = text_of(*cases)

    shown = text.count("\n## ")
    assert 850_000 < len(text.encode()) <= 900_000
    assert text.endswith(
        f"\n{50 - shown} more cases with {(50 - shown) * 40:,} findings left out to keep this page below 900 KB.\n"
    )


def test_the_worst_cases_come_first(broken: CaseReport, failed: CaseReport) -> None:
    noted = replace(
        broken, target="note.py", findings=tuple(replace(each, severity=Severity.NOTE) for each in broken.findings)
    )

    text = text_of(noted, broken, failed)

    sections = [line for line in text.splitlines() if line.startswith("## ")]
    assert sections == ["## `examples/empty.py`", "## `examples/broken.py`", "## `note.py`"]


def test_long_lists_say_how_much_is_missing(broken: CaseReport) -> None:
    outcomes = tuple(Outcome(Policy.DROP, f"backend{number}", Result.SAME) for number in range(14))
    scenarios = tuple(ScenarioReport(f"s{number}", outcomes=outcomes) for number in range(53))
    findings = tuple(
        replace(broken.findings[0], scenario="s0", fix=str(number), path=str(number)) for number in range(42)
    )
    case = replace(broken, scenarios=scenarios, findings=findings)

    text = text_of(case, *(replace(case, target=f"{number}.py", scenarios=(), findings=()) for number in range(1_004)))

    assert "\n3 more scenarios not listed.\n" in text
    assert "\n2 more policies not listed.\n" in text
    assert "\n- 2 more findings not listed.\n" in text
    assert "\n5 more cases not listed.\n" in text


@thorough
@given(reports)
def test_nothing_in_a_report_is_taken_for_markdown_or_html(report: RunReport) -> None:
    text = markdown.render(report, ROOT)

    kinds = {each.type for each in tokens(text)}
    assert not kinds & {"link_open", "image", "html_block", "fence", "code_block", "hr", "em_open", "s_open"}
    assert {each.content for each in tokens(text) if each.type == "html_inline"} <= {"<br>"}
    assert {each.tag for each in tokens(text) if each.type == "heading_open"} <= {"h1", "h2"}
    assert all(line.isprintable() for line in text.split("\n"))
    rows = [each for each in tokens(text) if each.type == "th_open"]
    assert all(row.map is None or row.map for row in rows)
