"""Which graphs are drawn, where there is room for some only."""

from __future__ import annotations

from dataclasses import replace

from steadygraph.model import CaseReport
from steadygraph.report.html.regions import Comparison, Pictures

from .graphs import case_of, decoder

#: Nodes of a decoder with one layer: its input, five weights, twelve operators or so, its output.
NODES = len(decoder(1, "a").nodes)


def comparison(pictures: Pictures, case: CaseReport) -> Comparison:
    ((found,),) = [region.comparisons for region in pictures.regions(case, "case")]
    return found


def test_equal_graphs_leave_room_for_those_that_differ() -> None:
    same = case_of([decoder(1, "a")], [decoder(1, "a")])
    other = case_of([decoder(1, "a")], [decoder(1, "b", added=1)])
    pictures = Pictures(4 * NODES + 2)

    drawn = [comparison(pictures, case) for case in (same, same, other, other)]

    # The half of the room is that of the first; the third takes two nodes more, so that the fourth does not fit.
    assert [each.left_out for each in drawn] == [
        "",
        f"{2 * NODES} more nodes are too many for this page.",
        "",
        f"{2 * NODES + 2} more nodes are too many for this page.",
    ]


def test_a_picture_that_is_left_out_still_has_its_numbers_and_its_code() -> None:
    found = comparison(Pictures(0), case_of([decoder(1, "a")], [decoder(1, "b", added=1)]))

    assert found.parts == ()
    assert found.summary == f"1 graph ({NODES} nodes) at profile, 1 ({NODES + 2}) at serving"
    assert found.code is not None


def test_only_small_pictures_of_different_graphs_are_open_at_once() -> None:
    small = comparison(Pictures(10_000), case_of([decoder(1, "a")], [decoder(1, "b", added=1)]))
    large = comparison(Pictures(10_000), case_of([decoder(60, "a")], [decoder(60, "b", added=1)]))
    same = comparison(Pictures(10_000), case_of([decoder(1, "a")], [decoder(1, "a")]))

    assert [each.is_open for each in (small, large, same)] == [True, False, False]


def test_a_graph_that_start_up_runs_for_several_sizes_is_compared_once() -> None:
    case = case_of([decoder(1, "a")], [decoder(1, "b", added=1)])
    profile, serving = case.scenarios
    several = replace(case, scenarios=(replace(profile, calls=3 * profile.calls), serving))

    found = comparison(Pictures(10_000), several)

    assert found.summary.startswith(
        f"1 graph ({NODES} nodes) at profile, 1 ({NODES + 2}) at serving; only at serving: "
    )
