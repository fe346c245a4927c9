"""The lock: who changed, the model or torch."""

import pytest
from tests.baseline.conftest import call, case, graph

from steadygraph.history.baseline import Baseline, applied, updated

LINES = ("y = x * 2", "return y")


def locked(report):
    return updated(Baseline(), report(case(calls=(call(),), graphs=(graph("g1", *LINES),))), lock_too=True)


def changes(report, now, **environment):
    seen = applied(locked(report), report(now, **environment))
    return tuple(change.message for change in seen.cases[0].lock_changes), seen.exit_code


def test_the_same_graphs_and_guards_are_silent(report):
    now = case(calls=(call(),), graphs=(graph("g1", *LINES),))

    assert changes(report, now) == ((), 0)


def test_another_graph_of_other_lines_is_the_models_change(report):
    now = case(calls=(call(("g2",)),), graphs=(graph("g2", "y = x * 3", "return y"),))

    assert changes(report, now) == (
        ("the graph of the model in profile has changed: the model changed, torch did not",),
        1,
    )


def test_another_graph_of_the_same_lines_under_another_torch_is_torchs_change(report):
    now = case(calls=(call(("g2",)),), graphs=(graph("g2", *LINES),))

    assert changes(report, now, torch="2.13.1") == (
        ("the graph of the model in profile has changed: torch changed (2.13.0 to 2.13.1), the traced lines did not",),
        1,
    )


def test_both_may_have_changed(report):
    now = case(calls=(call(("g2",)),), graphs=(graph("g2", "return x"),))

    assert changes(report, now, torch="2.13.1")[0] == (
        "the graph of the model in profile has changed: torch changed (2.13.0 to 2.13.1), and so did the model",
    )


def test_the_same_lines_and_the_same_torch_leave_what_the_model_is_given(report):
    now = case(calls=(call(("g2",)),), graphs=(graph("g2", *LINES),))

    assert changes(report, now)[0] == (
        "the graph of the model in profile has changed: what the model is given or made of changed",
    )


def test_other_guards_of_the_same_graph_are_counted_by_type(report):
    now = case(calls=(call(guards="b2", types=5),), graphs=(graph("g1", *LINES),))

    assert changes(report, now)[0] == (
        "the guards of the model in profile have changed (TENSOR_MATCH 4 to 5): what the model is given"
        " or made of changed",
    )


def test_other_regions_are_told(report):
    twice = (call(("g2",), region="decoder"),) * 2
    now = case(calls=twice, graphs=(graph("g2", "return x"),))

    assert changes(report, now)[0] == (
        "profile runs decoder (2 times), and the model before: the model changed, torch did not",
    )


def test_moved_lines_are_the_same_lines(report):
    moved = graph("g1", "", "", *LINES)
    moved = type(moved)(moved.digest, (), (), moved.frame, lines=moved.lines[2:])

    assert changes(report, case(calls=(call(),), graphs=(moved,))) == ((), 0)


@pytest.mark.parametrize("fail_on", ["error", "never"])
def test_a_broken_lock_counts_as_a_warning(report, fail_on):
    now = case(calls=(call(("g2",)),), graphs=(graph("g2", *LINES),))

    assert applied(locked(report), report(now, fail_on=fail_on)).exit_code == 0


def test_an_update_keeps_a_case_locked(report):
    now = report(case(calls=(call(("g2",)),), graphs=(graph("g2", *LINES),)))

    again = updated(locked(report), now)

    assert applied(again, now).cases[0].lock_changes == ()
    assert again.cases["cases/decoder.py"].lock is not None


def test_without_a_lock_nothing_is_compared(report):
    accepted = updated(Baseline(), report(case(calls=(call(),), graphs=(graph("g1", *LINES),))))

    seen = applied(accepted, report(case(calls=(call(("g2",)),), graphs=(graph("g2", *LINES),))))

    assert seen.cases[0].lock_changes == ()
