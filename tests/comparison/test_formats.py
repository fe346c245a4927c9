"""A comparison as users see it, whole."""

import dataclasses
import json

from markdown_it import MarkdownIt

from steadygraph.history.changes import changes_between
from steadygraph.history.changes.formats import as_json, markdown, text
from steadygraph.model import CaseReport, Outcome, Policy, Result, ScenarioReport, Status

from ..baseline.conftest import case, finding
from .test_comparison import report


def example():
    def judged(result, error=None):
        outcomes = (Outcome(Policy.DROP, "eager", result, error),)
        return CaseReport(
            "cases/vision.py", Status.COMPLETED, 2.0, scenarios=(ScenarioReport("image", outcomes=outcomes),)
        )

    same = case(target="cases/same.py")
    old = report(case(finding("SG204")), judged(Result.SAME), same, case(target="cases/old.py"))
    slower = dataclasses.replace(case(finding()), duration_s=1.5)
    return changes_between(old, report(slower, judged(Result.SILENT_WRONG, 0.59), same, torch="2.13.1"))


def test_the_text_says_what_changed_case_by_case():
    assert text(example(), width=80) == (
        """\
cases/decoder.py (1.5 s, before 1.0 s)
  new     error SG101 none-at-profile [image]: argument `x` is None at profile
          (model.py:41)
  gone    error SG204 none-at-profile [image]: argument `x` is None at profile
          (model.py:41)

cases/vision.py (2.0 s, before 2.0 s)
  worse   image under drop: silent-wrong (0.59), before same

cases/same.py (no change, 1.0 s, before 1.0 s)

cases/old.py
  gone    the newer report does not have this case

torch 2.13.1, before 2.13.0
4 cases: 1 new finding, 1 gone, 0 unchanged; 1 outcome worse, 0 better
"""
    )


def test_a_case_without_a_result_in_either_report_is_not_said_to_be_the_same():
    def without(*statuses):
        return report(
            *(CaseReport(f"cases/{name}.py", status, 1.0) for name, status in zip("ab", statuses, strict=True))
        )

    changes = changes_between(without(Status.FAILED, Status.FAILED), without(Status.FAILED, Status.TIMED_OUT))

    assert text(changes, width=80) == (
        """\
cases/a.py (1.0 s, before 1.0 s)
  failed  failed, as before: there is no result to compare

cases/b.py (1.0 s, before 1.0 s)
  failed  timed-out, before failed: there is no result to compare

2 cases: 0 new findings, 0 gone, 0 unchanged; 0 outcomes worse, 0 better
"""
    )
    assert "- **failed** failed, as before: there is no result to compare\n" in markdown(changes)
    assert not changes.is_worse()


def test_markdown_leaves_out_what_did_not_change():
    assert markdown(example()) == (
        """\
**4 cases: 1 new finding, 1 gone, 0 unchanged; 1 outcome worse, 0 better**

torch 2.13.1, before 2.13.0

### cases/decoder.py

- **new** error SG101 none-at-profile \\[image\\]: argument `x` is None at profile (model.py:41)
- **gone** error SG204 none-at-profile \\[image\\]: argument `x` is None at profile (model.py:41)

### cases/vision.py

- **worse** image under drop: silent-wrong (0.59), before same

### cases/old.py

- **gone** the newer report does not have this case
"""
    )


def test_markdown_shows_html_as_text():
    named = dataclasses.replace(finding(), scenario="<script>alert(1)</script>")

    shown = markdown(changes_between(report(case()), report(case(named))))

    assert "\\<script\\>alert(1)\\</script\\>" in shown
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in MarkdownIt("commonmark", {"html": True}).render(shown)


def test_json_holds_what_a_program_needs():
    document = json.loads(as_json(example()))

    decoder, vision, same, old = document["cases"]
    assert (document["schema_version"], document["tool"], document["worse"]) == (1, "steadygraph", True)
    assert document["versions"] == {"torch": {"old": "2.13.0", "new": "2.13.1"}}
    assert [one["fingerprint"] for one in decoder["new"]] == ["SG101-image-x"]
    assert decoder["duration_s"] == {"old": 1.0, "new": 1.5}
    assert [one["new"]["result"] for one in vision["outcomes"]] == ["silent-wrong"]
    assert (same["worse"], old["status"]) == (False, {"old": "completed", "new": None})


def test_a_narrow_terminal_is_kept_to():
    assert max(map(len, text(example(), width=50).splitlines())) <= 50
