"""Which known name was meant."""

from __future__ import annotations

import pytest

from steadygraph.errors.near_miss import closest, misspelled, question, question_or_list


@pytest.mark.parametrize(
    ("word", "known", "found"),
    [
        ("dorp", ["recompile", "drop"], ["drop"]),
        ("DROP", ["recompile", "drop"], ["drop"]),
        ("decoder", ["Decoder", "decoder", "Encoder"], ["Decoder", "decoder"]),
        ("case_x.py", ["case_d.py", "case_c.py", "case_b.py", "case_a.py"], ["case_a.py", "case_b.py", "case_c.py"]),
        ("zzz", ["drop"], []),
        ("drop", [], []),
    ],
)
def test_the_most_similar_names_come_first(word: str, known: list[str], found: list[str]) -> None:
    assert closest(word, known) == found


def test_a_hint_asks_where_something_comes_close_and_lists_otherwise() -> None:
    known = ("recompile", "drop")

    assert question_or_list("dorp", known, "policies") == "did you mean drop?"
    assert question_or_list("zzz", known, "policies") == "policies are recompile, drop"
    assert question("zzz", known) is None


@pytest.mark.parametrize(
    ("word", "known", "wanted"),
    [
        ("CUDAGRAPH", "CUDA_GRAPH", True),
        ("cuda_graph", "CUDA_GRAPH", True),
        ("contxt", "context", True),
        ("makr", "mark", True),
        ("biuld", "build", True),
        ("mask", "mark", False),
        ("CPU", "GPU", False),
        ("compute", "context", False),
        ("", "mark", False),
    ],
)
def test_a_slip_of_the_finger_is_one_letter_of_five(word: str, known: str, *, wanted: bool) -> None:
    assert misspelled(word, known) is wanted
