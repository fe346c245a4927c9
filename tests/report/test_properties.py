"""Whatever a report holds: it can be written, read again, and shown."""

from __future__ import annotations

import dataclasses
import enum
import json
import re
import types
import typing
from pathlib import Path
from typing import Any

import jsonschema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from steadygraph.model import CaseReport
from steadygraph.report.codec import from_json, json_schema, to_json
from steadygraph.report.document import FAIL_ON, Report
from steadygraph.report.layout import cells
from steadygraph.report.text import render

ROOT = Path("/srv/project")

NASTY = (
    "\x1b[31mred\x1b[0m",
    "[bold]markup[/bold] :warning:",
    "\ud800",
    "\udcff\udc00",
    "\u202etxet",
    "a\r\nb\vc\u2028d\x85e",
    "\x00\x07\x7f\x9b",
    "</script>]]>&\"'\\",
    "/srv/project//srv/project/x",
    "\x1b[35m/srv/project/x\x1b[0m",
    "/home/ada",
    "C:\\Users\\ada\\x",
    "<X object at 0x7f2a4c0d1e50>",
    "___check_obj_id(L['x'], 140123456789012)",
    "tensor([1.5, 2.5])",
    "量子 é e\u0301 👩\u200d🔬",
    "w" * 300,
    " ",
    "{}",
)
fragments = st.lists(st.sampled_from(NASTY) | st.text(st.characters(), max_size=20), max_size=3)


def values(annotation: Any, texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Any value of an annotation of the model, with these texts in it."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([values(each, texts) for each in arguments])
    if annotation == tuple[tuple[str, int], ...]:  # operators and their counts: each operator once
        return st.dictionaries(texts, st.integers(0, 9), max_size=2).map(lambda ops: tuple(sorted(ops.items())))
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return st.lists(values(arguments[0], texts), max_size=2).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(each, texts) for each in arguments))
    if dataclasses.is_dataclass(annotation):
        cls: Any = annotation
        return st.builds(cls, **{name: values(hint, texts) for name, hint in typing.get_type_hints(cls).items()})
    if isinstance(annotation, enum.EnumType):
        return st.sampled_from(list(annotation))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        str: texts,
        int: st.integers(0, 10**6),
        bool: st.booleans(),
        float: st.floats(min_value=0),
        type(None): st.none(),
    }
    return simple[annotation]


def reports_of(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Report]:
    return st.builds(
        Report,
        cases=st.lists(values(CaseReport, texts), max_size=2).map(tuple),
        environment=st.dictionaries(texts, texts, max_size=2),
        tool_version=texts,
        fail_on=st.sampled_from(FAIL_ON),
        interrupted=st.booleans(),
    )


reports = reports_of(fragments.map("".join))
thorough = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@thorough
@given(reports)
def test_json_is_valid_and_reads_back_to_the_same_json(report: Report) -> None:
    text = to_json(report, ROOT)

    VALIDATOR.validate(json.loads(text))
    again = from_json(text)
    assert to_json(again, ROOT) == text
    assert (again.summary, again.exit_code) == (report.summary, report.exit_code)


@thorough
@given(reports_of(st.sampled_from(NASTY)))
def test_json_names_no_root_no_home_and_no_address(report: Report) -> None:
    text = to_json(report, ROOT)

    assert "/srv/project" not in text
    assert "/home/ada" not in text
    assert "0x7f2a4c0d1e50" not in text
    assert "140123456789012" not in text


@thorough
@given(reports, st.integers(60, 160), st.booleans(), st.booleans())
def test_the_text_keeps_to_its_width_and_holds_no_control_character(
    report: Report, width: int, verbose: bool, quiet: bool
) -> None:
    text = render(report, width=width, verbose=verbose, quiet=quiet, root=ROOT)

    lines = text.split("\n")
    assert all(line.isprintable() for line in lines)
    text.encode()
    assert quiet or max(map(cells, lines)) <= width


@thorough
@given(reports)
def test_a_report_that_was_read_looks_as_it_did_before(report: Report) -> None:
    again = from_json(to_json(report, ROOT))

    assert render(again, root=ROOT) == render(report, root=ROOT)


@thorough
@given(reports)
def test_colour_adds_nothing_but_colour(report: Report) -> None:
    colored = render(report, color=True, root=ROOT)

    assert [line.rstrip() for line in re.sub(r"\x1b\[[\d;]*m", "", colored).split("\n")] == render(
        report, root=ROOT
    ).split("\n")
