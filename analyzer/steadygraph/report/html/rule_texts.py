"""What the rules of a report say about themselves, so that the page explains its findings without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from steadygraph.model.run import RunReport
from steadygraph.report.html.markup import prose
from steadygraph.rule import Rule
from steadygraph.rule.text import sections, summary

_ITEM = re.compile(r"\n(?=[*-] )")


@dataclass(frozen=True, slots=True)
class RuleText:
    """Code, name and kind of a rule, its summary, and (heading, blocks) of its page; no blocks where none is known."""

    anchor: str
    code: str
    name: str
    kind: str
    summary: Markup
    sections: tuple[tuple[str, tuple[Markup, ...]], ...]


def rule_texts(report: RunReport, rules: Sequence[Rule]) -> dict[str, RuleText]:
    """The rules that the findings of a report name, by code."""
    known = {rule.code: rule for rule in rules}
    named = {finding.rule: finding for finding in report.findings}
    return {
        code: _text(f"rule-{number}", known[code])
        if code in known and known[code].name == named[code].name
        else RuleText(f"rule-{number}", code, named[code].name, str(named[code].kind), Markup(""), ())
        for number, code in enumerate(sorted(named), 1)
    }


def _text(anchor: str, rule: Rule) -> RuleText:
    told = tuple((heading, tuple(_blocks(text))) for heading, text in sections(rule).items())
    return RuleText(anchor, rule.code, rule.name, str(rule.kind), prose(summary(rule)), told)


def _blocks(text: str) -> Iterator[Markup]:
    """Paragraphs, lists and code, as a docstring has them."""
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            yield Markup("<pre><code>{}</code></pre>").format(block)
        elif block.startswith(("* ", "- ")):
            items = (Markup("<li>{}</li>").format(_flowing(item[2:])) for item in _ITEM.split(block))
            yield Markup("<ul>{}</ul>").format(Markup("").join(items))
        else:
            yield Markup("<p>{}</p>").format(_flowing(block))


def _flowing(text: str) -> Markup:
    return prose(" ".join(text.split()))
