"""The report as one page that needs nothing else: no network, no script to be read, no other file."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from steadygraph.model import CaseReport, Result
from steadygraph.model.run import counted
from steadygraph.report.html.articles import Article, anchored, articles
from steadygraph.report.html.budget import BudgetView, budget_view
from steadygraph.report.html.markup import long, shown
from steadygraph.report.html.observations import ObservedRow, observed
from steadygraph.report.html.overview import overview
from steadygraph.report.html.regions import Pictures, RegionView
from steadygraph.report.html.rule_texts import rule_texts
from steadygraph.report.html.verdict import verdict
from steadygraph.report.portable import Renderable, portable
from steadygraph.report.text.grouping import Entry
from steadygraph.report.text.remarks import eager_failures
from steadygraph.report.text.sensitivity import SensitivityRow, rows, summary
from steadygraph.report.text.wording import compiled
from steadygraph.rule import Rule
from steadygraph.rule.packs import load_rules

_FILES = Path(__file__).with_name("templates")
#: Nodes of graphs that differ in one page, of both runs together: about 300 bytes each.
_MOST_NODES = 60_000
_POLICIES = (
    ("recompile", "Stock torch.compile: guards are kept, and a violated one recompiles."),
    ("drop", "Compiled once, every guard dropped: the graph of the profile call answers every call."),
    ("shapes-only", "Only guards on shapes are kept, and their violation raises."),
    ("budget", "The guards that matter are kept, and a violated one recompiles; none of the others is looked at."),
    ("..._unsafe", "A filter or stance of torch.compiler by this name: what it leaves of the guards recompiles."),
    ("cuda-graph", "The profile call is captured and replayed: addresses, Python values and branches are frozen."),
)
_RESULTS = (
    (Result.SAME, "No recompilation, and the output of eager mode."),
    (Result.RECOMPILES, "Right, at the price of new compilations; in brackets, how many."),
    (Result.SILENT_WRONG, "No error, and another output than eager mode; in brackets, the largest difference."),
    (Result.RAISES, "An error."),
    (Result.REFUSED, "The guards that the policy keeps stopped the call."),
    (Result.UNPROVED, "It cannot be executed here; what is to be expected is said instead."),
)


@dataclass(frozen=True, slots=True)
class _Case:
    """What the template needs to know about a case."""

    anchor: str
    report: CaseReport
    compiled: str
    articles: list[Article]
    notes: list[Article]
    accepted: list[tuple[str, str, str, str]]
    accepted_number: int
    remarks: list[str]
    regions: list[RegionView]
    observed: list[ObservedRow]
    #: Of a profile call that was probed: how many calls did what, and those that go wrong.
    probed: str
    changed: list[SensitivityRow]
    budget: BudgetView | None


def render(report: Renderable, *, root: Path | None = None, rules: Sequence[Rule] | None = None) -> str:
    """A report as HTML.

    Args:
        report: Any report.
        root: What paths become relative to; the current directory by default.
        rules: Those that the page explains where a finding names them; the installed ones by default.
    """
    clean = portable(report, root).report
    texts = rule_texts(clean, load_rules() if rules is None else rules)
    found = [(f"case-{number}", case, anchored(case, f"case-{number}")) for number, case in enumerate(clean.cases, 1)]
    drawn = Pictures(_MOST_NODES)
    environment = _environment()
    style, script = ((_FILES / name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    return environment.get_template("report.html").render(
        report=clean,
        verdict=verdict(clean),
        overview=overview(found),
        # One case after the other: the pictures of all at once would be the whole page a second time.
        cases=(_case(anchor, case, entries, drawn) for anchor, case, entries in found),
        rules=texts,
        policies=_POLICIES,
        results=_RESULTS,
        style=Markup(style),
        script=Markup(script),
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_FILES),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(counted=counted, long=long)
    return environment


def _hash(text: str) -> str:
    """How a content security policy names a script that may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _case(anchor: str, case: CaseReport, found: Sequence[tuple[str, Entry]], drawn: Pictures) -> _Case:
    loud, notes = articles(case, found)
    return _Case(
        anchor=anchor,
        report=case,
        compiled=compiled(case.regions) if case.regions else "",
        articles=loud,
        notes=notes,
        accepted=_accepted(case),
        accepted_number=sum(finding.allowed is not None for finding in case.findings),
        remarks=[*eager_failures(case), *case.notes],
        regions=drawn.regions(case, anchor),
        observed=observed(case),
        probed=summary(case.sensitivity) if case.sensitivity else "",
        changed=rows(case.sensitivity) if case.sensitivity else [],
        budget=budget_view(case),
    )


def _accepted(case: CaseReport) -> list[tuple[str, str, str, str]]:
    """(rule, name, scenarios, reason) of the findings that the case accepts."""
    found: dict[tuple[str, str, str], dict[str, None]] = {}
    for finding in case.findings:
        if finding.allowed is not None:
            found.setdefault((finding.rule, finding.name, finding.allowed), {})[finding.scenario] = None
    return [(rule, name, ", ".join(scenarios), reason) for (rule, name, reason), scenarios in found.items()]
