"""Whatever two reports hold: what is said of them can be shown anywhere."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from steadygraph.history.baseline import Baseline, updated, written
from steadygraph.history.changes import changes_between
from steadygraph.history.changes.formats import as_json, markdown, text
from steadygraph.model.run import RunReport
from steadygraph.report.text.layout import cells

from ..report.hostile import reports, thorough


@thorough
@given(reports, reports, st.integers(60, 160))
def test_the_text_of_a_comparison_keeps_to_its_width_and_holds_no_control_character(
    old: RunReport, new: RunReport, width: int
) -> None:
    lines = text(changes_between(old, new), width=width).split("\n")

    assert all(line.isprintable() for line in lines)
    assert max(map(cells, lines)) <= width


@thorough
@given(reports, reports)
def test_markdown_of_a_comparison_shows_nothing_but_text(old: RunReport, new: RunReport) -> None:
    shown = MarkdownIt("commonmark", {"html": True}).enable("strikethrough").render(markdown(changes_between(old, new)))

    shown.encode()
    assert set(re.findall(r"<(\w+)", shown)) <= {"p", "h3", "ul", "li", "strong"}


@thorough
@given(reports, reports)
def test_json_of_a_comparison_is_json_in_ascii(old: RunReport, new: RunReport) -> None:
    written_text = as_json(changes_between(old, new))

    assert json.loads(written_text)["tool"] == "steadygraph"
    assert written_text.isascii()


@thorough
@given(reports)
def test_any_report_can_be_accepted(report: RunReport) -> None:
    accepted = written(updated(Baseline(), report, lock_too=True))

    assert json.loads(accepted)["tool"] == "steadygraph"
    assert accepted.isascii()
