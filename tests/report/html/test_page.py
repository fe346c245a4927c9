"""The page as text: what is in it, and that nothing of it can do anything."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from typing import ClassVar

import pytest
from hypothesis import given

from steadygraph.model import CaseReport, Finding, Graph, RegionCall, Result, ScenarioReport, Severity
from steadygraph.model.run import RunReport
from steadygraph.report.html import render

from ..hostile import ROOT, reports, thorough
from .conftest import ENVIRONMENT
from .graphs import case_of, decoder

#: All that a page is made of.
ELEMENTS = """
    html head meta title style body a header p h1 ul li b main div h2 table thead tbody tr th td span details summary
    dl dt dd section article h3 code figure figcaption pre i mark small svg g rect text tspan path footer template form
    label input select option button output script
"""
ATTRIBUTES = """
    lang charset http-equiv content name class href id tabindex role aria-label aria-labelledby scope colspan open width
    height viewbox d x y rx transform data-node data-from data-to data-kind hidden type value autocomplete spellcheck
"""


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text below it, with single blanks and none in front of punctuation."""
        return re.sub(r" (?=[,:] )", "", " ".join(" ".join(self._texts()).split()))

    def _texts(self) -> Iterator[str]:
        for child in self.children:
            yield from [child] if isinstance(child, str) else child._texts()

    def all(self, tag: str = "", **attributes: str) -> list[Element]:
        """Elements below it, by tag and by attributes; of ``class_`` one word must be the same."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [each for each in self.elements() if tag in ("", each.tag) and each._has(wanted)]

    def one(self, tag: str = "", **attributes: str) -> Element:
        (found,) = self.all(tag, **attributes)
        return found

    def elements(self) -> Iterator[Element]:
        for child in self.children:
            if isinstance(child, Element):
                yield child
                yield from child.elements()

    def _has(self, wanted: dict[str, str]) -> bool:
        return all(value in (self.attributes.get(name) or "").split(" ") for name, value in wanted.items())


class Tree(HTMLParser):
    """HTML as elements; an element that is closed in the wrong place fails."""

    VOID: ClassVar = {"meta", "input", "br", "img", "link"}

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.feed(text)
        self.close()
        assert self.open == [self.root], f"not closed: {[each.tag for each in self.open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, dict(attrs))
        self.open[-1].children.append(element)
        if tag not in self.VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def page(*cases: CaseReport) -> Element:
    return Tree(render(RunReport(cases, ENVIRONMENT, "0.1.0"))).root


def rows(table: Element) -> list[list[str]]:
    return [[cell.text for cell in row.children if isinstance(cell, Element)] for row in table.all("tr")]


def test_the_first_screen_says_what_every_scenario_does_under_every_policy(report: RunReport) -> None:
    found = page(*report.cases)

    assert found.one("h1").text == "2 errors in 1 of 3 cases, 1 case without a result"
    assert rows(found.one("table", class_="matrix")) == [
        ["scenario", "recompile", "drop"],
        ["examples/broken.py 252 guards, 1 graph 2 errors, 0 warnings, 0 notes"],
        ["text", "same", "same"],
        ["image SG101 none-at-profile", "recompiles (1)", "silent-wrong (0.59)"],
        ["video SG101 none-at-profile", "same", "silent-wrong (0.61)"],
        ["examples/repaired.py 1,250 guards, 1 graph"],
        ["recompile and drop change nothing in text and image"],
        ["examples/empty.py"],
        ["failed: CaseError: examples/empty.py defines no profile()"],
    ]


def test_every_link_leads_to_something_on_the_page(report: RunReport) -> None:
    found = page(*report.cases)

    names = Counter(each.attributes["id"] for each in found.elements() if "id" in each.attributes)
    targets = {each.attributes["href"] for each in found.all("a")}

    assert {target for target in targets if target not in {f"#{name}" for name in names}} == set()
    assert max(names.values()) == 1


def test_a_finding_tells_what_before_and_now_where_and_what_to_do(pictured: CaseReport) -> None:
    article = page(pictured).one("article")

    values = dict(zip([dt.text for dt in article.all("dt")], [dd.text for dd in article.all("dd")], strict=True))
    assert article.one("h3").text == (
        "argument kwargs['deepstack'] is None at profile, IntermediateTensors with 3 tensors at serving"
    )
    assert article.one("p", class_="happens").text == "silently wrong under drop, off by up to 0.61"
    assert values["value"] == "kwargs['deepstack']"
    assert values["before"] == "None at profile"
    assert values["now"] == "IntermediateTensors with 3 tensors at serving"
    assert (
        values["graph"]
        == "the profile graph lacks 3 inputs (kwargs['deepstack'].tensors['d0'], ...) and 3 x aten.add.Tensor"
    )
    assert values["fix"] == "Pass kwargs['deepstack'] at profile too, zero-filled: the same keys, shapes and dtypes."


def test_a_finding_shows_its_source_with_the_line_of_the_guard_marked(pictured: CaseReport) -> None:
    source = page(pictured).one("article").one("figure", class_="source")

    assert source.one("figcaption").text == "examples/model.py:41 in forward"
    assert [line.text for line in source.all("span", class_="line")] == [
        "38 def forward(self, h):",
        "39 h = self.embed(h)",
        "40",
        "41 if deepstack is not None:",
        "42 h = h + 1",
    ]
    assert [line.text for line in source.all("span", class_="marked")] == ["41 if deepstack is not None:"]


def test_a_finding_without_excerpt_shows_the_one_line_that_is_known(broken: CaseReport) -> None:
    source = page(broken).one("article").one("figure", class_="source")

    assert [line.text for line in source.all("span", class_="line")] == ["41 if deepstack is not None:"]


def test_a_finding_is_proved_by_the_numbers_of_its_scenarios(broken: CaseReport) -> None:
    assert rows(page(broken).one("article").one("table")) == [
        ["scenario", "policy", "result", "largest error", "compilations"],
        ["image", "recompile", "recompiles", "0", "1"],
        ["image", "drop", "silent-wrong", "0.59", "-"],
        ["video", "recompile", "same", "0", "0"],
        ["video", "drop", "silent-wrong", "0.61", "-"],
    ]


def test_what_was_not_run_is_a_prediction_and_no_proof(broken: CaseReport) -> None:
    def unproved(scenario: ScenarioReport) -> ScenarioReport:
        outcomes = (replace(one, result=Result.UNPROVED, predicted=one.result) for one in scenario.outcomes)
        return replace(scenario, outcomes=tuple(outcomes))

    def titles(case: CaseReport) -> set[str]:
        return {entry.text for article in page(case).all("article") for entry in article.all("dt")}

    predicted = replace(broken, scenarios=tuple(map(unproved, broken.scenarios)))

    assert {"proof", "prediction"} & titles(broken) == {"proof"}
    assert {"proof", "prediction"} & titles(predicted) == {"prediction"}


def test_the_rule_of_a_finding_is_explained_on_the_page(broken: CaseReport) -> None:
    found = page(broken)

    link = found.one("article").one("a")
    explained = found.one(id=str(link.attributes["href"]).removeprefix("#"))

    assert link.text == "SG101 none-at-profile"
    assert [heading.text for heading in explained.all("h3")] == [
        "What it finds",
        "Why it matters",
        "How to fix it",
        "Known limits",
    ]
    assert "Dynamo burns is None into the graph." in explained.text


def test_a_rule_that_is_not_installed_is_named_all_the_same(finding: Finding, broken: CaseReport) -> None:
    foreign = replace(finding, rule="XY001", name="of-another-pack")

    (rule,) = page(replace(broken, findings=(foreign,))).one("section", class_="rules").all("div", class_="rule")

    assert rule.text == "The rule is not installed where this page was made: there is no more to say about it here."


def test_notes_are_folded_and_accepted_findings_have_their_reason(finding: Finding, broken: CaseReport) -> None:
    note = replace(finding, severity=Severity.NOTE, rule="SG204")
    accepted = replace(finding, scenario="video", allowed="known since May")

    found = page(replace(broken, findings=(note, accepted)))

    folds = {fold.one("summary").text: fold for fold in found.all("details") if len(fold.all("summary")) == 1}
    assert len(folds["1 note"].all("article")) == 1
    assert folds["1 accepted finding"].one("li").text == "SG101 none-at-profile in video: known since May"
    assert found.one("p", class_="good").text == "Nothing found that is more than a note but what is accepted."


def test_a_case_without_result_says_why_and_what_to_do(failed: CaseReport) -> None:
    banner = page(failed).one("section", class_="case").one("div", class_="banner")

    assert banner.text == (
        "failed (CaseError) examples/empty.py defines no profile() "
        "add a function profile() that returns (args, kwargs) of the warm-up call"
    )


def test_a_call_that_differs_from_the_lock_is_told_on_the_first_screen(repaired: CaseReport) -> None:
    change = "text: the guards of the model are not those that are locked"

    found = page(replace(repaired, lock_changes=(change,)))

    assert found.one("h1").text == "1 change against the lock in 1 case"
    assert [each.text for each in found.all(class_="warn")] == [change, change]


def test_all_differences_and_guards_are_in_one_table(broken: CaseReport) -> None:
    table = page(broken).one("details", class_="observed").one("table")

    assert rows(table)[:3] == [
        ["path", "at profile", "at serving", "what", "the graph", "line", "scenarios"],
        ["kwargs['deepstack']", "16", "8", "guard TENSOR_MATCH none", "changes", "model.py:41", "image, video"],
        [
            "kwargs['deepstack']",
            "None",
            "IntermediateTensors with 3 tensors",
            "difference none",
            "-",
            "-",
            "image, video",
        ],
    ]
    # One guard that matters, 212 that do not, one difference, and the line above.
    assert len(rows(table)) == 1 + 212 + 1 + 1


def test_graphs_stand_side_by_side_and_what_one_has_alone_is_marked(pictured: CaseReport) -> None:
    graphs = page(pictured).one("details", class_="graphs")

    assert graphs.all("summary")[0].text == (
        "profile against image, 1 graph (206 nodes) at profile, 1 (212) at serving; only at serving: 3 x input, 3 x add"
    )
    for pair in graphs.all("div", class_="pair"):
        drawings = pair.all("svg")
        assert len({(each.attributes["width"], each.attributes["height"]) for each in drawings}) <= 1
    added = [each.one("text").text for each in graphs.all("g", class_="serving") if "port" not in str(each.attributes)]
    assert Counter(added) == {"+ add": 3, "+ deepstack['d0']": 1, "+ deepstack['d1']": 1, "+ deepstack['d2']": 1}
    assert len(graphs.all("rect", class_="gap")) == 6


def test_weights_are_written_into_the_operator_that_uses_them(pictured: CaseReport) -> None:
    graphs = page(pictured).one("details", class_="graphs")

    labels = {each.text for each in graphs.all("text")}

    assert {"linear layers[0].qkv", "rms_norm layers[0].norm"} <= labels
    assert not any(label.startswith("self.") for label in labels)


def test_a_node_says_what_it_takes_and_where_it_stands(pictured: CaseReport) -> None:
    titles = {each.text for each in page(pictured).all("title")}

    assert "linear float32[s0, 64] takes rms_norm, self.layers[0].qkv.weight model.py:13 line 3" in titles


def test_runs_of_the_same_graphs_have_one_picture(pictured: CaseReport) -> None:
    graph = decoder(2, "a")

    found = page(case_of([graph], [graph])).one("details", class_="graphs")

    assert found.all("summary")[0].text == "profile and image, the same: 1 graph (36 nodes)"
    assert {each.attributes["aria-label"] for each in found.all("svg")} == {"profile, nodes 1 to 36"}


def test_further_graphs_of_serving_are_counted(pictured: CaseReport) -> None:
    first, *_ = (case := case_of([decoder(1, "a")], [decoder(1, "a")])).scenarios
    graphs = tuple(decoder(1, digest, added=1) for digest in "bcdefg")
    served = tuple(ScenarioReport(graph.digest, calls=(RegionCall("", (graph.digest,)),)) for graph in graphs)

    region = page(replace(case, scenarios=(first, *served), graphs=(*case.graphs, *graphs))).one(class_="region")

    assert len(region.all("details", class_="graphs")) == 4
    assert region.one("p", class_="remark").text == "2 further sequences of graphs at serving: not drawn."


def test_a_profile_call_without_a_graph_is_no_picture(pictured: CaseReport) -> None:
    case = case_of([], [decoder(1, "a")])

    region = page(case).one(class_="region")

    assert region.one("p", class_="remark").text == "The profile call ran no graph here that could be compared."
    assert region.all("svg") == []


def test_a_run_that_goes_on_in_another_graph_says_which() -> None:
    case = case_of([decoder(2, "a")], [decoder(1, "b"), decoder(1, "c")])

    found = page(case).one("details", class_="graphs")

    assert [each.text for each in found.all("div", class_="break")] == ["graph 1 of 2", "graph 2 of 2"]


def test_another_dtype_is_marked_in_both_runs(pictured: CaseReport) -> None:
    before = decoder(1, "a")
    nodes = (replace(before.nodes[0], value="float16[s0, 64]"), *before.nodes[1:])

    found = page(case_of([before], [replace(before, digest="b", nodes=nodes)])).one("details", class_="graphs")

    assert [each.one("text").text for each in found.all("g", class_="changed")] == ["~ inputs_embeds"] * 2
    assert found.all("g", class_="changed")[0].one("title").text == (
        "inputs_embeds float32[s0, 64] at profile, float16[s0, 64] at serving model.py:10 line 0"
    )


def test_scenarios_in_which_nothing_happens_are_counted_where_they_are_many(broken: CaseReport) -> None:
    quiet = tuple(replace(broken.scenarios[1], name=f"text{number}") for number in range(20))

    table = page(replace(broken, scenarios=(*broken.scenarios, *quiet))).one("table", class_="matrix")

    assert rows(table)[2:] == [
        ["image SG101 none-at-profile", "recompiles (1)", "silent-wrong (0.59)"],
        ["video SG101 none-at-profile", "same", "silent-wrong (0.61)"],
        ["21 more scenarios: same under every policy"],
    ]


def test_a_policy_that_a_scenario_was_not_judged_by_says_so(broken: CaseReport) -> None:
    text = replace(broken.scenarios[1], outcomes=broken.scenarios[1].outcomes[:1])

    table = page(replace(broken, scenarios=(text, *broken.scenarios[2:]))).one("table", class_="matrix")

    assert ["text", "same", "not judged"] in rows(table)


def test_code_of_both_runs_is_shown_and_its_own_lines_are_marked(pictured: CaseReport) -> None:
    code = page(pictured).one("details", class_="code")

    assert [each.text for each in code.all("span", class_="line")] == [
        "def forward(self, x):",
        "return graph_a(x)",
        "def forward(self, x):",
        "return graph_b(x)",
    ]
    assert [each.text for each in code.all("span", class_="own")] == ["return graph_a(x)", "return graph_b(x)"]


def test_graphs_that_are_too_many_for_one_page_are_left_out_and_said_to_be() -> None:
    big = decoder(1500, "a"), decoder(1500, "b", added=1)

    found = page(case_of(big[:1], big[1:]))

    assert found.one("details", class_="graphs").one("p", class_="remark").text == (
        "51,006 more nodes are too many for this page."
    )


def test_cases_in_which_nothing_happens_are_folded_where_they_are_many(
    broken: CaseReport, repaired: CaseReport
) -> None:
    found = page(broken, *[replace(repaired, target=f"quiet{number}.py") for number in range(20)])

    fold = found.one("div", class_="overview").all("details")[0]
    assert fold.one("summary").text == "20 more cases without findings, the same under every policy"
    assert len(fold.all("li")) == 20
    assert len(found.one("table", class_="matrix").all("tbody")) == 1


def test_only_the_style_and_the_script_of_the_page_may_do_anything(report: RunReport) -> None:
    text = render(report)

    found = Tree(text).root
    (policy,) = [meta.attributes["content"] for meta in found.all("meta") if "http-equiv" in meta.attributes]
    hashes = [
        base64.b64encode(hashlib.sha256(str(found.one(tag).children[0]).encode()).digest()).decode()
        for tag in ("style", "script")
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert not [
        name for each in found.elements() for name in each.attributes if name.startswith("on") or name == "style"
    ]
    assert {each.tag for each in found.elements()} & {"link", "img", "iframe", "object", "base"} == set()
    addresses = [
        each.attributes[name] for each in found.elements() for name in ("href", "src") if name in each.attributes
    ]
    assert {str(address)[0] for address in addresses} == {"#"}
    assert "url(" not in text


@pytest.mark.parametrize(
    "name",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</title></style><b>", "{{ 7 * 7 }}{% x %}"],
)
def test_markup_in_a_name_is_text(pictured: CaseReport, finding: Finding, name: str) -> None:
    plain, nasty = (
        page(_named(pictured, finding, each)) for each in ("an ordinary name that is as long as others", name)
    )

    assert Counter(each.tag for each in nasty.elements()) == Counter(each.tag for each in plain.elements())
    assert nasty.one("h1").text == plain.one("h1").text
    assert [each.text for each in nasty.all("h2")][1] == name


def _named(case: CaseReport, finding: Finding, name: str) -> CaseReport:
    image = replace(case.scenarios[2], name=name)
    graphs = tuple(_renamed(graph, name) for graph in case.graphs)
    found = replace(finding, scenario=name, message=name, fix=name, path=name, profile=name, rule=name, name=name)
    scenarios = (*case.scenarios[:2], image, *case.scenarios[3:])
    return replace(case, target=name, scenarios=scenarios, findings=(found,), graphs=graphs, notes=(name,))


def _renamed(graph: Graph, name: str) -> Graph:
    nodes = tuple(replace(node, name=name if node.name == "silu" else node.name) for node in graph.nodes)
    return replace(graph, nodes=nodes, code=name)


@thorough
@given(reports)
def test_whatever_a_report_holds_is_text(report: RunReport) -> None:
    found = Tree(render(report, root=ROOT)).root

    assert {each.tag for each in found.elements()} <= set(ELEMENTS.split())
    assert len(found.all("script")) == len(found.all("style")) == 1
    assert {name for each in found.elements() for name in each.attributes} <= set(ATTRIBUTES.split())
    assert {str(link.attributes["href"])[0] for link in found.all("a")} == {"#"}


def test_control_characters_and_directional_marks_are_spelled_out(broken: CaseReport) -> None:
    text = render(RunReport((replace(broken, target="a\x1b[31m\u202eb\x00", notes=("\ud800",)),), ENVIRONMENT, "0.1.0"))

    assert all(line.isprintable() for line in text.split("\n"))
    assert "a\\x1b[31m\\u202eb\\x00" in text
    text.encode()


def test_a_message_of_a_megabyte_is_cut(finding: Finding, broken: CaseReport) -> None:
    long = replace(finding, message="m" * 1_000_000, profile="p" * 1_000_000, fix="f" * 1_000_000)

    text = render(RunReport((replace(broken, findings=(long,)),), ENVIRONMENT, "0.1.0"))

    assert len(text) < 200_000


def test_the_same_report_is_the_same_page(report: RunReport) -> None:
    assert render(report) == render(report)


def test_a_report_of_no_case_is_a_page() -> None:
    assert page().one("h1").text == "No case was analysed"
