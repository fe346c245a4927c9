"""Whatever a report holds: it can be written, read again, and shown."""

from __future__ import annotations

import json
import re

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from steadygraph.model.run import RunReport
from steadygraph.report.json.codec import from_json, to_json
from steadygraph.report.json.schema import json_schema
from steadygraph.report.text.layout import cells
from steadygraph.report.text.text import render

from .hostile import NASTY, ROOT, reports, reports_of, thorough

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@thorough
@given(reports)
def test_json_is_valid_and_reads_back_to_the_same_json(report: RunReport) -> None:
    text = to_json(report, ROOT)

    VALIDATOR.validate(json.loads(text))
    again = from_json(text)
    assert to_json(again, ROOT) == text
    assert (again.summary, again.exit_code) == (report.summary, report.exit_code)


@thorough
@given(reports_of(st.sampled_from(NASTY)))
def test_json_names_no_root_no_home_and_no_address(report: RunReport) -> None:
    text = to_json(report, ROOT)

    assert "/srv/project" not in text
    assert "/home/ada" not in text
    assert "0x7f2a4c0d1e50" not in text
    assert "140123456789012" not in text


@thorough
@given(reports, st.integers(60, 160), st.booleans(), st.booleans())
def test_the_text_keeps_to_its_width_and_holds_no_control_character(
    report: RunReport, width: int, verbose: bool, quiet: bool
) -> None:
    text = render(report, width=width, verbose=verbose, quiet=quiet, root=ROOT)

    lines = text.split("\n")
    assert all(line.isprintable() for line in lines)
    text.encode()
    assert quiet or max(map(cells, lines)) <= width


@thorough
@given(reports)
def test_a_report_that_was_read_looks_as_it_did_before(report: RunReport) -> None:
    again = from_json(to_json(report, ROOT))

    assert render(again, root=ROOT) == render(report, root=ROOT)


@thorough
@given(reports)
def test_colour_adds_nothing_but_colour(report: RunReport) -> None:
    colored = render(report, color=True, root=ROOT)

    assert [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", colored).split("\n")] == render(
        report, root=ROOT
    ).split("\n")
