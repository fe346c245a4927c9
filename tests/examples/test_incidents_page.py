"""The tables of the page are those of a fresh run, and agree with what was measured on the releases themselves."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from steadygraph.model import CaseReport

ReportOf = Callable[[Any], CaseReport]

STORES = ("V0", "V1", "V2", "V3")
#: What the decoder received in the releases: (story, number of the call in it) -> V0, V1, V2, V3.
MEASURED = {
    ("profile 16", 0): ("zeros", "None", "None", "zeros"),
    ("image 16/16", 0): ("rows 0..15", "rows 0..15", "rows 0..15", "rows 0..15"),
    ("image 9/16, then text 16", 0): ("rows 0..8", "ValueError", "rows 0..8", "rows 0..8"),
    ("image 9/16, then text 16", 1): ("zeros", "ValueError", "None", "zeros"),
    # "leak" from all four.
    ("image 16 aborted after embed, then text 16", 0): ("stale rows 0..15",) * 4,
    # "rows 8..15 leak", "ValueError", "None, rows 8..15 dirty", "rows 8..15 leak for good".
    ("image 16 aborted, image 4/8, text 16, text 16", 1): (
        "stale rows 8..15",
        "ValueError",
        "None",
        "stale rows 8..15",
    ),
    ("image 16 aborted, image 4/8, text 16, text 16", 2): ("zeros", "ValueError", "None", "stale rows 8..15"),
    # "second half lost" and, of V3, "later text leaks".
    ("image 16 as micro-batches 8 + 8, then text 16", 1): ("zeros", "None", "None", "zeros"),
}
LATER_TEXT_LEAKS = "stale rows 8..15"
MICRO_BATCHES = "image 16 as micro-batches 8 + 8, then text 16"

#: The scenario of the cases that is the call of a story.
SCENARIOS = {
    "image": ("image 16/16", 0),
    "image_padded": ("image 9/16, then text 16", 0),
    "text_after_padded": ("image 9/16, then text 16", 1),
    "text_after_abort": ("image 16 aborted after embed, then text 16", 0),
    "text_after_short_image": ("image 16 aborted, image 4/8, text 16, text 16", 1),
    "text_later": ("image 16 aborted, image 4/8, text 16, text 16", 2),
}


def stories(deepstack: Callable[[str], ModuleType], store: str) -> dict[str, list[str]]:
    received = deepstack("received")
    made = getattr(deepstack("deepstack_stores"), store)
    return {name: received.received(made, story) for name, story in received.STORIES.items()}


@pytest.mark.parametrize(("store", "column"), [(store, column) for column, store in enumerate(STORES)])
def test_a_store_hands_out_what_the_release_did(
    store: str, column: int, deepstack: Callable[[str], ModuleType]
) -> None:
    wanted = {call: words[column] for call, words in MEASURED.items()}

    got = stories(deepstack, store)

    assert {(story, number): got[story][number] for story, number in wanted} == wanted


def test_the_later_text_of_version_3_gets_what_the_second_micro_batch_lost(
    deepstack: Callable[[str], ModuleType],
) -> None:
    assert stories(deepstack, "V3")[MICRO_BATCHES][2] == LATER_TEXT_LEAKS


def test_version_2_hands_out_nothing_and_stays_dirty(deepstack: Callable[[str], ModuleType]) -> None:
    received = deepstack("received")
    store = deepstack("deepstack_stores").V2(1, 32, 4)

    for number, step in enumerate(received.STORIES["image 16 aborted, image 4/8, text 16, text 16"], 1):
        received.run(store, step, number)

    assert store.num_valid == 0
    assert store.buffers[0][:, 0].nonzero().flatten().tolist() == list(range(8, 16))


def test_the_reference_hands_out_the_rows_of_the_step_and_nothing_else(
    deepstack: Callable[[str], ModuleType],
) -> None:
    assert stories(deepstack, "Reference") == {
        "profile 16": ["zeros"],
        "image 16/16": ["rows 0..15"],
        "image 9/16, then text 16": ["rows 0..8", "zeros"],
        "image 16 aborted after embed, then text 16": ["zeros"],
        "image 16 aborted, image 4/8, text 16, text 16": ["rows 0..3", "zeros", "zeros"],
        "image 16 as micro-batches 8 + 8, then text 16": ["rows 0..7", "rows 8..15", "zeros"],
    }


@pytest.mark.parametrize(("store", "column"), [(store, column) for column, store in enumerate(STORES)])
def test_the_table_agrees_with_what_was_measured(store: str, column: int, verdicts: ModuleType) -> None:
    rows = committed(verdicts, f"deepstack/{store.lower()}.py")
    at_profile = MEASURED["profile 16", 0][column]

    for scenario, call in SCENARIOS.items():
        word, row = MEASURED[call][column], rows[scenario]
        if word == "ValueError":
            assert set(row.values()) - {row["findings"]} == {"raises"}, scenario
        elif word.startswith("stale"):
            # Eager mode leaks, and so does every graph that takes features.
            assert row["eager"] == row["recompile"] == "silent-wrong", scenario
            assert row["drop"] == ("same" if at_profile == "None" else "silent-wrong"), scenario
        else:
            # Without guards the graph of start-up answers: right if it has the features as inputs, or needs none.
            changed = (word == "None") != (at_profile == "None")
            assert row["drop"] == ("silent-wrong" if changed else "same"), scenario
        left_behind = word.startswith("stale") or (word == "ValueError" and scenario.startswith("text"))
        assert ("SG603" in row["findings"]) is left_behind, scenario


@pytest.mark.parametrize("store", STORES)
def test_the_table_says_that_micro_batches_lose_their_second_half(store: str, verdicts: ModuleType) -> None:
    row = committed(verdicts, f"deepstack/{store.lower()}.py")["micro_batches"]

    assert row["drop"] == row["recompile"] == "raises"
    assert "SG601" in row["findings"]


def committed(verdicts: ModuleType, name: str) -> dict[str, dict[str, str]]:
    """Scenario -> column -> cell of a table of the page."""
    head, _, *rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block(verdicts, name)]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


def block(verdicts: ModuleType, name: str) -> list[str]:
    text = verdicts.PAGE.read_text(encoding="utf-8")
    found = re.search(f"{re.escape(verdicts.BEGIN.format(name))}\n(.*?){re.escape(verdicts.END)}", text, re.DOTALL)
    assert found is not None, name
    return found[1].splitlines()


def test_every_table_of_the_page_is_one_that_is_made(verdicts: ModuleType) -> None:
    text = verdicts.PAGE.read_text(encoding="utf-8")
    places = re.findall(re.escape(verdicts.BEGIN).replace(r"\{\}", "(.*)"), text)

    assert places == ["what the decoder receives", *map(str, verdicts.STATES)]


def test_the_table_of_what_the_decoder_receives_is_that_of_a_fresh_run(
    verdicts: ModuleType, deepstack: Callable[[str], ModuleType]
) -> None:
    assert block(verdicts, "what the decoder receives") == deepstack("received").table()


@pytest.mark.parametrize("number", range(14))
def test_a_table_is_that_of_a_fresh_run(number: int, verdicts: ModuleType, report_of: ReportOf) -> None:
    state = verdicts.STATES[number]

    assert block(verdicts, str(state)) == verdicts.table(state, report_of(state))


def test_a_page_without_a_place_for_a_table_says_what_is_needed(verdicts: ModuleType) -> None:
    with pytest.raises(SystemExit) as caught:
        verdicts.written("# A page\n", "deepstack/v1.py", ["| a |"])

    assert str(caught.value) == (
        "incidents.md has 0 places for 'deepstack/v1.py', and 1 is needed:\n"
        "<!-- made by python examples/verdicts.py: deepstack/v1.py -->\n"
        "<!-- end -->"
    )


def test_a_table_is_written_into_its_place_and_nothing_else_changes(verdicts: ModuleType) -> None:
    begin, end = verdicts.BEGIN.format("a/b.py"), verdicts.END

    text = verdicts.written(f"before\n{begin}\nold\n{end}\nafter\n", "a/b.py", ["| new |"])

    assert text == f"before\n{begin}\n| new |\n{end}\nafter\n"
