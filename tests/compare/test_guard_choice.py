"""Which guards are worth keeping, by which calls violate which: by hand, and against every choice there is."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from steadygraph.compare.guard_choice import Stops, Survey, SurveyedEntry, SurveyedFrame, choose
from steadygraph.model.budget import GuardId

NONE, DTYPE, SIZE, FLAG = (
    GuardId(source, kind)
    for source, kind in (
        ("L['deep']", "CONSTANT_MATCH"),
        ("L['x']", "TENSOR_MATCH"),
        ("", "SHAPE_ENV"),
        ("L['self'].flag", "EQUALS_MATCH"),
    )
)
GUARDS = (NONE, DTYPE, SIZE, FLAG)


def survey(calls, digests=None):
    """A model of one graph; each call violates these of its guards, and is compiled again for it."""
    digests = digests or {}
    entries = [SurveyedEntry(0, "profile", "profile", GUARDS)]
    frames = []
    for name, violated in calls.items():
        positions = frozenset(GUARDS.index(guard) for guard in violated)
        entries += [SurveyedEntry(0, name, digests.get(name, name), ())] if violated else []
        frames.append(SurveyedFrame(name, 0, len(entries) - 1 if violated else 0, {0: positions}))
    return Survey(tuple(entries), tuple(frames))


def test_the_guard_that_only_the_wrong_call_violates_is_kept():
    calls = {"text": [SIZE], "image": [NONE, SIZE]}

    found = choose(survey(calls, {"text": "profile"}), wrong=["image"], right=["text"])

    assert found.kept == {NONE: Stops(("image",), 0)}
    assert found.at_least == 1
    assert (found.unseen, found.confused) == ((), ())


def test_one_guard_is_kept_for_two_wrong_calls_where_both_violate_it():
    found = choose(survey({"a": [DTYPE, FLAG], "b": [NONE, FLAG]}), wrong=["a", "b"], right=[])

    assert found.kept == {FLAG: Stops(("a", "b"), 0)}


def test_a_wrong_call_that_violates_what_a_right_one_does_cannot_be_told_from_it_and_is_stopped_all_the_same():
    found = choose(survey({"small": [SIZE], "wrong": [SIZE]}), wrong=["wrong"], right=["small"])

    assert found.confused == (("wrong", ("small",)),)
    assert found.kept == {SIZE: Stops(("wrong",), 0)}


def test_a_wrong_call_that_violates_nothing_is_said_to_be_unseen():
    found = choose(survey({"wrong": []}), wrong=["wrong"], right=[])

    assert (found.kept, found.unseen) == ({}, ("wrong",))


def test_what_was_compiled_again_must_not_answer_the_profile_call():
    kept_there = GuardId("L['deep']", "TYPE_MATCH")
    entries = (
        SurveyedEntry(0, "profile", "text", (NONE,)),
        SurveyedEntry(0, "image", "image", (DTYPE, kept_there)),
    )
    frames = (
        SurveyedFrame("profile", 0, 0, {0: frozenset(), 1: frozenset({1})}),
        SurveyedFrame("image", 0, 1, {0: frozenset({0}), 1: frozenset()}),
    )

    found = choose(Survey(entries, frames), wrong=["image"], right=[])

    assert found.kept == {NONE: Stops(("image",), 0), kept_there: Stops(("profile",), 1)}


def test_of_two_modules_that_share_code_neither_answers_for_the_other():
    scale = GuardId("L['self'].scale", "EQUALS_MATCH")
    entries = tuple(SurveyedEntry(0, "profile", digest, (scale,)) for digest in ("twice", "thrice"))
    frames = (
        SurveyedFrame("profile", 0, 0, {0: frozenset(), 1: frozenset({0})}),
        SurveyedFrame("profile", 0, 1, {0: frozenset({0}), 1: frozenset()}),
    )

    assert choose(Survey(entries, frames), wrong=[], right=["text"]).kept == {scale: Stops(("profile",), 1)}


CALLS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d", "e"]), st.sets(st.sampled_from(GUARDS), min_size=1), min_size=1
)


@given(CALLS, st.data())
def test_no_smaller_choice_stops_all_wrong_calls_and_no_right_one(calls, data):
    wrong = data.draw(st.sets(st.sampled_from(sorted(calls))))
    right = sorted(calls.keys() - wrong)

    found = choose(survey(calls), wrong=sorted(wrong), right=right)

    eligible = [guard for guard in GUARDS if not any(guard in calls[name] for name in right)]
    choices = [
        choice
        for size in range(len(eligible) + 1)
        for choice in combinations(eligible, size)
        if all(calls[name] & set(choice) for name in wrong)
    ]
    if choices:
        assert len(found.kept) == len(choices[0])
        assert set(found.kept) in [set(choice) for choice in choices]
        assert not found.confused
    else:
        assert found.confused
        assert all(calls[name] & set(found.kept) for name in wrong)
