"""The file of a baseline: what is written can be read, and what cannot be read is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.baseline.conftest import call, case, finding, graph

from steadygraph.errors import UsageError
from steadygraph.history.baseline import Baseline, read, updated, written
from steadygraph.history.baseline.accepted import Accepted, CaseBaseline, LockedCall, LockedGraph, Made

HINT = "\n  hint: name a file that was written with --update-baseline, or write a new one to another path"

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
locked_calls = st.builds(
    LockedCall,
    region=texts,
    guards=texts,
    guard_types=st.dictionaries(texts, st.integers(0, 9), max_size=2),
    graphs=st.lists(st.builds(LockedGraph, texts, texts), max_size=2).map(tuple),
)
cases = st.builds(
    CaseBaseline,
    made=st.builds(Made, texts, texts, texts, st.just(("drop",)), st.just(("eager",))),
    findings=st.lists(st.builds(Accepted, *[texts] * 6), max_size=3).map(lambda found: tuple(sorted(found))),
    lock=st.none() | st.dictionaries(texts, st.lists(locked_calls, max_size=2).map(tuple), max_size=2),
)


@given(st.dictionaries(texts, cases, max_size=3).map(Baseline))
def test_what_was_written_reads_back(tmp_path_factory, baseline):
    file = tmp_path_factory.mktemp("baseline") / "baseline.json"
    file.write_text(written(baseline), encoding="utf-8")

    again = read(file)

    assert again == baseline
    assert written(again) == written(baseline)


def test_the_file_can_be_reviewed(report):
    accepted = updated(Baseline(), report(case(finding(), calls=(call(),), graphs=(graph("g1", "return x"),))))

    assert written(accepted) == (
        """\
{
  "cases": {
    "cases/decoder.py": {
      "findings": [
        {
          "fingerprint": "SG101-image-x",
          "message": "argument `x` is None at profile",
          "name": "none-at-profile",
          "rule": "SG101",
          "scenario": "image",
          "severity": "error"
        }
      ],
      "made_with": {
        "backends": [
          "eager"
        ],
        "policies": [
          "drop",
          "recompile"
        ],
        "python": "3.11.9",
        "steadygraph": "0.1.0",
        "torch": "2.13.0"
      }
    }
  },
  "schema_version": 1,
  "tool": "steadygraph"
}
"""
    )


def test_the_order_of_findings_and_cases_does_not_matter(report):
    one, other = finding("SG101"), finding("SG204")
    second = case(target="a.py")

    assert written(updated(Baseline(), report(case(one, other), second))) == written(
        updated(Baseline(), report(second, case(other, one)))
    )


def error_of(file):
    with pytest.raises(UsageError) as caught:
        read(file)
    return str(caught.value).replace(str(file), "FILE")


def test_a_baseline_that_is_not_there_can_be_created(tmp_path):
    assert error_of(tmp_path / "none.json") == ("there is no baseline FILE\n  hint: create it with --update-baseline")


def test_a_truncated_baseline_is_told(tmp_path):
    file = tmp_path / "baseline.json"
    file.write_text('{"cases": {')

    assert error_of(file) == (
        "the baseline FILE is not JSON: Expecting property name enclosed in double quotes: line 1 column 12 (char 11)"
        + HINT
    )


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ([1], "it names no tool"),
        ({"cases": {}}, "it names no tool"),
        ({"tool": "ruff"}, "its tool is 'ruff'"),
        ({"tool": {"name": "steadygraph"}}, "its tool is 'steadygraph'"),
        ({"tool": "steadygraph", "schema_version": 2}, "it has schema version 2, this steadygraph reads 1"),
        ({"tool": "steadygraph", "schema_version": 1}, "it has no 'cases'"),
        ({"tool": "steadygraph", "schema_version": 1, "cases": [1]}, "cases is [1], which is no object"),
        ({"tool": "steadygraph", "schema_version": 1, "cases": {"a.py": {}}}, "cases['a.py'] has no 'made_with'"),
    ],
)
def test_a_file_of_something_else_is_told(tmp_path, document, problem):
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps(document))

    assert error_of(file) == f"FILE is no baseline of steadygraph: {problem}{HINT}"


@pytest.mark.parametrize(
    ("lock", "problem"),
    [
        (3, "cases['a.py'].lock is 3, which is no object"),
        ({"image": 3}, "cases['a.py'].lock.image is 3, which is no list"),
        ({"image": [3]}, "cases['a.py'].lock['image'] has no 'region'"),
    ],
)
def test_a_lock_that_is_none_is_told(tmp_path, lock, problem):
    made = {"steadygraph": "0.1.0", "torch": "2.13.0", "python": "3.11.9", "policies": [], "backends": []}
    entry = {"made_with": made, "findings": [], "lock": lock}
    file = tmp_path / "baseline.json"
    file.write_text(json.dumps({"tool": "steadygraph", "schema_version": 1, "cases": {"a.py": entry}}))

    assert error_of(file) == f"FILE is no baseline of steadygraph: {problem}{HINT}"
