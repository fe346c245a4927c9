"""The page in a real browser: from disk, offline, with and without a script, by keyboard, on a phone, in the dark."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from steadygraph.model import CaseReport, Finding
from steadygraph.model.run import RunReport
from steadygraph.report.json.codec import from_json

from ...conftest import Ran
from .conftest import ENVIRONMENT
from .graphs import case_of, decoder

CASE = """
    import torch


    class Attention(torch.nn.Module):
        def forward(self, x, mask=None):
            scores = x @ x.transpose(-1, -2)
            if mask is not None:
                scores = scores.masked_fill(~mask, float("-inf"))
            return scores.softmax(-1) @ x


    def build():
        return Attention().eval()


    def profile():
        return (torch.randn(2, 6, 8),), {}


    def serving():
        return {"masked": ((torch.randn(2, 6, 8), torch.ones(6, 6, dtype=torch.bool).tril()), {})}
"""
Open = Callable[..., Page]
PHONE = 360
#: Until everything that is visible was laid out and painted.
_PAINTED = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def unfold(page: Page) -> None:
    """Open every fold, so that nothing is left out."""
    page.evaluate("for (const fold of document.querySelectorAll('details')) fold.open = true")
    page.evaluate(_PAINTED)


def is_wider_than_its_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def seconds_to_open(page: Page) -> float:
    start = time.monotonic()
    page.reload()
    unfold(page)
    return time.monotonic() - start


def test_it_opens_offline_without_a_request_or_an_error(opened: Open, report: RunReport) -> None:
    page = opened(report)

    expect(page.get_by_role("heading", level=1)).to_have_text("2 errors in 1 of 3 cases, 1 case without a result")
    unfold(page)


def test_the_page_of_a_real_analysis_shows_the_line_and_the_graph_of_the_defect(
    opened: Open, cli: Callable[..., Ran], write_case: Callable[..., Path]
) -> None:
    file = write_case(CASE, "case_mask.py")
    ran = cli("analyze", file.name, "--format", "json")

    page = opened(from_json(ran.out))

    expect(page.locator("mark")).to_have_text("if mask is not None:")
    added = page.locator("details.graphs").get_by_role("img", name="serving").locator("g.serving:not(.port) text")
    expect(added).to_have_text(["+ mask", "+ invert", "+ masked_fill"])


def test_without_a_script_everything_can_be_read_and_unfolded(opened: Open, report: RunReport) -> None:
    page = opened(report, java_script_enabled=False)

    expect(page.get_by_role("article")).to_contain_text("silently wrong under drop, off by up to 0.61")
    expect(page.get_by_role("textbox")).to_have_count(0)
    page.locator("details.observed > summary").first.click()
    expect(page.locator("details.observed").first.get_by_role("row")).to_have_count(215)
    page.locator("details.fold > summary").first.click()
    expect(page.locator("details.fold").first.locator("svg").first).to_be_visible()


def test_the_table_of_differences_is_filtered_by_text_and_by_kind(opened: Open, report: RunReport) -> None:
    page = opened(report)
    table = page.locator("details.observed").first
    table.locator("summary").click()
    shown = table.locator("tbody tr:visible")

    table.get_by_label("Filter").fill("args[7]")
    expect(shown).to_have_count(1)
    expect(table.get_by_role("status")).to_have_text("1 of 214")
    table.get_by_label("Filter").fill("")
    table.get_by_label("Show").select_option("difference")
    expect(shown).to_have_count(1)
    expect(shown).to_contain_text("IntermediateTensors with 3 tensors")


def test_equal_layers_are_folded_until_somebody_opens_them(opened: Open, report: RunReport) -> None:
    page = opened(report)
    fold = page.locator("details.fold").last

    expect(fold.locator("svg").first).to_be_hidden()
    fold.locator("summary").click()
    # Nine layers have no added features; the first of them is shown above.
    expect(fold.locator("svg:visible")).to_have_count(2 * 8)


def test_next_leads_from_difference_to_difference_through_closed_folds(opened: Open, report: RunReport) -> None:
    page = opened(report)
    graphs = page.locator("details.graphs").first

    expect(graphs.get_by_role("status")).to_have_text("6 differences")
    told = []
    for _ in range(6):
        graphs.get_by_role("button", name="Next").click()
        expect(graphs.locator("g.at")).to_be_in_viewport()
        told.append(graphs.locator("p.node").inner_text().split("  ")[0].split(" ")[0])

    assert sorted(told) == ["add", "add", "add", "deepstack['d0']", "deepstack['d1']", "deepstack['d2']"]


def test_a_search_finds_operators_lines_and_shapes(opened: Open, report: RunReport) -> None:
    page = opened(report)
    graphs = page.locator("details.graphs").first

    graphs.get_by_label("Search").fill("model.py:20")

    expect(graphs.get_by_role("status")).to_have_text("12 found")  # silu, once in each of the twelve layers
    graphs.get_by_label("Search").press("Enter")
    expect(graphs.locator("p.node")).to_contain_text("silu")


def test_a_node_under_the_pointer_is_explained_and_shown_in_both_runs(opened: Open, report: RunReport) -> None:
    page = opened(report)
    graphs = page.locator("details.graphs").first

    graphs.get_by_text("scaled_dot_product_attention", exact=True).first.hover()

    expect(graphs.locator("p.node")).to_contain_text("takes getitem, getitem, getitem")
    expect(graphs.locator("g.near:not(.port)")).to_have_count(2)


def test_the_first_difference_is_explained_before_anything_is_touched(opened: Open, report: RunReport) -> None:
    page = opened(report)

    expect(page.locator("details.graphs").first.locator("p.node")).to_contain_text("deepstack['d0']")


def test_a_node_is_explained_where_it_is_touched(opened: Open, report: RunReport) -> None:
    page = opened(report, PHONE, has_touch=True)
    graphs = page.locator("details.graphs").first

    graphs.get_by_text("scaled_dot_product_attention", exact=True).first.tap()

    expect(graphs.locator("p.node")).to_contain_text("takes getitem, getitem, getitem")


def test_the_arrow_keys_go_from_node_to_node(opened: Open, report: RunReport) -> None:
    page = opened(report)
    graphs = page.locator("details.graphs").first
    told = graphs.locator("p.node")
    first = told.inner_text()

    graphs.get_by_role("region").focus()
    page.keyboard.press("ArrowRight")
    second = told.inner_text()
    page.keyboard.press("ArrowLeft")

    assert second != first
    expect(told).to_have_text(first)


def test_pictures_of_a_phone_are_one_below_the_other(opened: Open, report: RunReport) -> None:
    page = opened(report, PHONE)
    unfold(page)

    pictures = page.locator(".pictures").first
    assert pictures.evaluate("each => each.scrollWidth <= each.clientWidth")
    left, right = (box.bounding_box() for box in pictures.locator(".pair:not(.heads) > div").all()[:2])
    assert left is not None
    assert right is not None
    assert left["x"] == right["x"]
    assert left["y"] + left["height"] <= right["y"]


def test_a_link_to_a_rule_opens_its_fold(opened: Open, report: RunReport) -> None:
    page = opened(report)

    page.get_by_role("article").get_by_role("link", name="SG101 none-at-profile").click()

    expect(page.get_by_text("Dynamo burns is None into the graph.")).to_be_in_viewport()


def test_everything_is_reached_with_the_keyboard(opened: Open, report: RunReport) -> None:
    page = opened(report)
    reached = []
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate(
                "document.activeElement.closest('summary, a, input, button, .scroll, .pictures, pre')"
                "?.textContent.trim().slice(0, 30) ?? document.activeElement.tagName"
            )
        )

    assert reached[0] == "Skip to the findings"
    assert {"SG101 none-at-profile", "Next", "What these words mean", "What became of the bytecode, d"} <= set(reached)
    table = page.locator("details.observed").first
    table.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(table.get_by_label("Filter")).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.type("deepstack")
    expect(table.get_by_role("status")).to_have_text("2 of 214")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, PHONE])
def test_contrast_labels_and_structure_pass_the_accessibility_check(
    opened: Open, report: RunReport, scheme: str, width: int
) -> None:
    page = opened(report, width, color_scheme=scheme)
    unfold(page)

    results = Axe().run(page)

    assert results.violations_count == 0, results.generate_report()


def test_a_phone_needs_no_scrolling_to_the_side(opened: Open, report: RunReport, failed: CaseReport) -> None:
    endless = replace(failed, target=f"{'folder' * 40}/{'w' * 300}.py")
    page = opened(replace(report, cases=(*report.cases, endless)), PHONE)

    assert not is_wider_than_its_window(page)
    unfold(page)
    assert not is_wider_than_its_window(page)


def test_a_print_has_all_lines_and_no_controls(opened: Open, report: RunReport) -> None:
    page = opened(report)

    page.emulate_media(media="print")

    expect(page.get_by_role("button", name="Next")).to_be_hidden()
    assert page.locator(".pictures").first.evaluate("each => each.scrollHeight <= each.clientHeight + 1")


def test_a_scenario_that_is_called_script_is_text(opened: Open, pictured: CaseReport, finding: Finding) -> None:
    name = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    scenarios = (pictured.scenarios[0], replace(pictured.scenarios[2], name=name))
    case = replace(
        pictured, scenarios=scenarios, findings=(replace(finding, scenario=name, message=name),), target=name
    )

    page = opened(RunReport((case,), ENVIRONMENT, "0.1.0"))

    unfold(page)
    expect(page.get_by_role("heading", level=2).nth(1)).to_have_text(name)
    expect(page.get_by_role("heading", level=3).first).to_have_text(name)


def test_ten_thousand_nodes_are_open_in_two_seconds(opened: Open) -> None:
    profile, serving = decoder(590, "a"), decoder(590, "b", added=3)
    assert len(profile.nodes) > 10_000

    page = opened(RunReport((case_of([profile], [serving]),), ENVIRONMENT, "0.1.0"))

    assert min(seconds_to_open(page) for _ in range(3)) < 2  # the best of three: the machine may be busy
    assert page.locator("svg").count() > 2 * 590
