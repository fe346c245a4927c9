"""What SARIF says about rules: their docstrings, as the pages of documentation have them."""

from __future__ import annotations

from collections.abc import Iterable

from steadygraph.model import Finding
from steadygraph.report.text.layout import flat
from steadygraph.rule import Rule
from steadygraph.rule.packs import load_rules
from steadygraph.rule.text import prose, sections, summary

#: Limits of GitHub's code scanning (255 and 1,024 characters), less the dots of what is cut; that of the help is ours.
_LONGEST_NAME, _LONGEST_DESCRIPTION, _LONGEST_HELP = 255 - 3, 1024 - 3, 30_000

Descriptor = dict[str, object]


def descriptors(findings: Iterable[Finding]) -> list[Descriptor]:
    """All installed rules and those of the findings, sorted by code.

    An old report may name rules that are no longer installed: they have a name, and no help.
    """
    found = {rule.code: _described(rule) for rule in load_rules()}
    for finding in findings:
        code = rule_id(finding)
        if code not in found:
            found[code] = _unknown(code, finding)
    return [found[code] for code in sorted(found)]


def rule_id(finding: Finding) -> str:
    """The rule's code; code scanning refuses an empty one."""
    return flat(finding.rule, _LONGEST_NAME) or "unknown"


def _described(rule: Rule) -> Descriptor:
    short = summary(rule).replace("``", "`") or rule.name
    told = sections(rule)
    plain = "\n\n".join(f"{heading}\n\n{text}" for heading, text in told.items()).replace("``", "`")
    markdown = "\n\n".join(f"## {heading}\n\n{prose(text)}" for heading, text in told.items())
    full = " ".join([short, *(told.get("Why it matters", "").replace("``", "`").split())])
    return {
        **_named(rule.code, rule.name, rule.kind),
        "shortDescription": {"text": flat(short, _LONGEST_DESCRIPTION)},
        "fullDescription": {"text": flat(full, _LONGEST_DESCRIPTION)},
        "help": {"text": (plain or short)[:_LONGEST_HELP], "markdown": (markdown or prose(short))[:_LONGEST_HELP]},
    }


def _unknown(code: str, finding: Finding) -> Descriptor:
    name = flat(finding.name, _LONGEST_NAME) or code
    text = f"{code} {name}: this rule is not installed where the report was rendered."
    return {
        **_named(code, name, finding.kind),
        "shortDescription": {"text": name},
        "fullDescription": {"text": text},
        "help": {"text": text},
    }


def _named(code: str, name: str, kind: str) -> Descriptor:
    return {"id": code, "name": flat(name, _LONGEST_NAME), "properties": {"tags": [str(kind)]}}
