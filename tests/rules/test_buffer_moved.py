"""Tensors that moved: entries of one list are one finding."""

from __future__ import annotations

from collections.abc import Callable

from steadygraph.model import Finding, Move, Outcome, Policy, Result

Judge = Callable[..., tuple[Finding, ...]]

REPLAYED = (Outcome(Policy.CUDA_GRAPH, "replay", Result.SAME),)


def moved(*paths: str, during: bool = False) -> tuple[Move, ...]:
    return tuple(Move(path, during) for path in paths)


def test_the_buffers_of_a_list_are_one_finding(judged: Judge) -> None:
    (found,) = judged(outcomes=REPLAYED, moved=moved("store.rows[0]", "store.rows[1]", "store.rows[2]"))

    assert found.message == (
        "tensor `store.rows[0]` and 2 more have moved since the profile call, and a captured graph goes on using their "
        "old addresses"
    )
    assert (found.path, found.also) == ("store.rows[0]", ("store.rows[1]", "store.rows[2]"))


def test_buffers_that_are_no_entries_of_one_list_are_findings_of_their_own(judged: Judge) -> None:
    found = judged(outcomes=REPLAYED, moved=moved("self.keys", "self.values", during=True))

    assert [finding.message for finding in found] == [
        f"tensor `self.{name}` moves during this call, and a captured graph goes on using its old address"
        for name in ("keys", "values")
    ]


def test_nothing_is_said_where_nothing_is_captured(judged: Judge) -> None:
    assert judged(outcomes=(Outcome(Policy.DROP, "eager", Result.SAME),), moved=moved("self.keys")) == ()
