"""What a notebook shows of a report."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from hypothesis import given

from steadygraph.model import CaseReport
from steadygraph.model.run import RunReport
from steadygraph.report.shown import Report
from steadygraph.report.text import notebook
from steadygraph.report.text.text import render

from .hostile import reports, thorough


class Reader(HTMLParser):
    """The words of a page, and the tags with the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words = ""
        self.tags = set[tuple[str, ...]]()
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add((tag, *(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


def test_a_notebook_shows_the_text_of_the_terminal(broken: CaseReport, failed: CaseReport) -> None:
    report = Report((broken, failed))

    reader = Reader(report._repr_html_())

    shown = [line.rstrip() for line in reader.words.splitlines()]
    assert shown == render(report, width=100).splitlines()
    assert reader.tags == {("pre", "style"), ("span", "style")}


def test_what_matters_is_coloured(broken: CaseReport) -> None:
    page = Report((broken,))._repr_html_()

    assert '<span style="font-weight:bold;color:#d93f3f">silent-wrong (0.59)</span>' in page


def test_printing_a_report_shows_the_text_of_the_terminal(broken: CaseReport) -> None:
    report = Report((replace(broken, target=str(Path("examples", "broken.py"))),))

    assert str(report) == render(report, width=80).rstrip("\n")


@thorough
@given(reports)
def test_no_text_of_a_report_is_taken_for_html(report: RunReport) -> None:
    reader = Reader(notebook.render(report))

    assert reader.tags <= {("pre", "style"), ("span", "style")}
    shown = [line.rstrip() for line in reader.words.split("\n")]
    assert shown == render(report, width=100).rstrip("\n").split("\n")
