"""Text that becomes HTML."""

from __future__ import annotations

import pytest
from markupsafe import Markup

from steadygraph.report.html.markup import long, prose, shown


@pytest.mark.parametrize(
    ("text", "markup"),
    [
        ("`x` is None", "<code>x</code> is None"),
        ("``x`` is None", "<code>x</code> is None"),
        ("one ` alone", "one ` alone"),
        ("`a` and ` alone", "<code>a</code> and ` alone"),
        ("`<b>` & <i>", "<code>&lt;b&gt;</code> &amp; &lt;i&gt;"),
        ("", ""),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, markup: str) -> None:
    assert prose(text) == Markup(markup)


def test_lines_stay_lines_and_other_control_characters_are_spelled_out() -> None:
    assert shown("a\tb\x1b\nc\u202e\n") == "a   b\\x1b\nc\\u202e"


def test_numbers_and_markup_stay_and_nothing_is_empty() -> None:
    assert (shown(3), shown(Markup("<b>\x00</b>")), shown(None)) == (3, Markup("<b>\x00</b>"), "")


def test_of_a_long_text_the_start_and_the_end_are_shown() -> None:
    text = str(shown("a" * 700 + "b" * 700))

    assert text == f"{'a' * 500}\n… 500 of 1,400 characters before this and 500 behind …\n{'b' * 500}"


def test_a_text_of_many_lines_may_be_longer() -> None:
    assert long("<\n" * 2000) == Markup("\n".join(["&lt;"] * 2000))
