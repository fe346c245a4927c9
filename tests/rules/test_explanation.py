"""The text of ``steadygraph rules``, whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from steadygraph.model import Evidence, Finding, Kind
from steadygraph.rule import HEADINGS, Example, Rule
from steadygraph.rule.packs import load_rules
from steadygraph.rule.text import explain, listing, sections, summary

RULES = load_rules()


class Silent(Rule):
    """A rule that finds nothing."""

    kind = Kind.DTYPE

    def __init__(self, code: str = "SG1", name: str = "thing") -> None:
        self.code = code  # type: ignore[misc]
        self.name = name  # type: ignore[misc]

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        return iter(())


class Full(Silent):
    """A rule whose first paragraph
    has two lines and a ``value``.

    What it finds:
        A sentence that is long enough to be wrapped, with a ``word`` in it.  Another sentence follows, and ends here.

        A second paragraph.

    Why it matters:
        Because of:

        * a first item of a list, which is so long that it goes on in the next line of the text;
        * a second one.

    How to fix it:
        Write this::

            x = 1
            if x:
                y = 2

    Known limits:
        None.
    """

    flagged = (
        Example(
            "a first one",
            "\nx = 1\n\nif x:\n    y = 2\n",
            ("a", "b"),
            fix="Make `x` larger, or leave out what depends on it, wherever it is: 1 is too small.",
            fixed=("\nx = 2\n\nif x:\n    y = 3\n", "\nx = 1\n\n"),
        ),
        Example("another", "y = 1", ("a",), also=("SG9",)),
    )
    passed = (Example("a last one", "z = 3\n"),)


class Bare(Silent):
    __doc__ = None


class WithoutSummary(Silent):
    """What it finds:
    Nothing.
    """


EXPLAINED = """\
SG1 thing (dtype)

A rule whose first paragraph has two lines and a `value`.

What it finds:
  A sentence that is long enough to be wrapped, with a `word` in it. Another
  sentence follows, and ends here.

  A second paragraph.

Why it matters:
  Because of:

  * a first item of a list, which is so long that it goes on in the next line of
    the text;
  * a second one.

How to fix it:
  Write this::

      x = 1
      if x:
          y = 2

Known limits:
  None.

Flagged in a, b: a first one

    x = 1

    if x:
        y = 2

Fix: Make `x` larger, or leave out what depends on it, wherever it is: 1 is too
small.

   -x = 1
   +x = 2

    if x:
   -    y = 2
   +    y = 3

    x = 1
   -
   -if x:
   -    y = 2

Flagged in a, together with SG9: another

    y = 1

Passes: a last one

    z = 3
"""


def test_an_explanation_is_the_docstring_and_the_examples() -> None:
    assert explain(Full()) == EXPLAINED


def test_prose_has_at_most_eighty_columns_and_at_least_forty() -> None:
    assert explain(Full(), width=200) == EXPLAINED
    assert explain(Full(), width=1) == explain(Full(), width=40)


def test_a_rule_without_a_docstring_is_explained_by_its_name() -> None:
    assert explain(Bare()) == "SG1 thing (dtype)\n"


def test_a_heading_is_no_summary() -> None:
    assert summary(WithoutSummary()) == ""


def test_the_list_has_a_line_for_each_rule() -> None:
    rules = (Full("SG1", "thing"), Bare("SG20", "another"))

    assert listing(rules) == (
        "SG1  thing    dtype  A rule whose first paragraph has two lines and a `value`.\nSG20  another  dtype\n"
    )


def test_where_a_line_is_too_short_every_rule_has_two() -> None:
    rules = (Full("SG101", "thing"), Bare("SG102", "another"))

    assert listing(rules, width=50) == (
        "SG101  thing    dtype\n"
        "       A rule whose first paragraph has two lines\n"
        "       and a `value`.\n"
        "SG102  another  dtype\n"
    )


def test_a_terminal_that_is_wide_enough_shows_the_same_as_a_pipe() -> None:
    assert listing(RULES, width=200) == listing(RULES)


def test_without_rules_the_list_says_so() -> None:
    assert listing(()) == "no rules are installed\n"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_documents_itself_under_the_four_headings(rule: Rule) -> None:
    found = sections(rule)

    assert tuple(found) == HEADINGS
    assert all(found.values())
    assert summary(rule).endswith(".")
    assert rule.name == rule.name.lower().replace(" ", "-").replace("_", "-")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_explanation_fits_into_eighty_columns(rule: Rule) -> None:
    assert [line for line in explain(rule).splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("width", [40, 80])
def test_the_list_fits_into_a_terminal(width: int) -> None:
    titles = [line for line in listing(RULES, width).splitlines() if not line.startswith("SG")]

    assert [line for line in titles if len(line) > width] == []
