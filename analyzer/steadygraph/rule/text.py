"""What a rule says about itself: the text of ``steadygraph rules``.

It comes from the docstring and the examples of the rule, as its page does (:mod:`steadygraph.rule.pages`).
"""

from __future__ import annotations

import difflib
import inspect
import re
import textwrap
from collections.abc import Iterator, Sequence

from steadygraph.rule import HEADINGS, Example, Rule

#: Prose is hard to read in longer lines, however wide the terminal is.
WIDTH = 80
#: Below this width lines get too long rather than words cut to pieces.
_NARROWEST = 40
_HEADING = re.compile(rf"^({'|'.join(HEADINGS)}):\n", re.MULTILINE)
_ITEM = re.compile(r"\n(?=[*-] )")


def summary(rule: Rule) -> str:
    """The first paragraph of a rule's docstring, on one line; empty where the docstring starts with a heading."""
    first, _, _ = _documentation(rule).partition("\n\n")
    return "" if _HEADING.match(f"{first}\n") else " ".join(first.split())


def sections(rule: Rule) -> dict[str, str]:
    """What a rule's docstring says under each heading, dedented, in the order of the docstring."""
    parts = _HEADING.split(_documentation(rule))[1:]
    return {heading: textwrap.dedent(text).strip("\n") for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def prose(text: str) -> str:
    """The text of a docstring in Markdown, which would take ``<`` for HTML where it is no code."""
    parts = text.replace("``", "`").split("`")
    return "`".join(part if number % 2 else part.replace("<", "&lt;") for number, part in enumerate(parts))


def wrapped(text: str, width: int) -> Iterator[str]:
    """Prose in lines of this width; items of lists hang, and what is indented by four columns is code."""
    for number, block in enumerate(re.split(r"\n\s*\n", text)):
        if number:
            yield ""
        if block.startswith("    "):
            yield from block.splitlines()
            continue
        for item in _ITEM.split(block):
            yield from textwrap.wrap(
                " ".join(item.split()),
                width,
                subsequent_indent="  " if item.startswith(("* ", "- ")) else "",
                break_long_words=False,
                break_on_hyphens=False,
            )


def listing(rules: Sequence[Rule], width: int | None = None) -> str:
    """All rules with code, name, kind and summary.

    Args:
        rules: Any rules.
        width: Columns of the terminal, in which each rule gets two lines or more where one is too short; None: one
            line for each, however long, as it suits other programs.
    """
    if not rules:
        return "no rules are installed\n"
    names = max(len(rule.name) for rule in rules)
    kinds = max(len(rule.kind) for rule in rules)
    titles = [f"{rule.code}  {rule.name:<{names}}  {rule.kind:<{kinds}}" for rule in rules]
    lines = [f"{title}  {_plain(summary(rule))}".rstrip() for title, rule in zip(titles, rules, strict=True)]
    if width is not None and max(map(len, lines)) > width:
        lines = [line for title, rule in zip(titles, rules, strict=True) for line in _two_lines(title, rule, width)]
    return "".join(f"{line}\n" for line in lines)


def _two_lines(title: str, rule: Rule, width: int) -> Iterator[str]:
    yield title.rstrip()
    indent = " " * (len(rule.code) + 2)
    yield from (indent + line for line in wrapped(_plain(summary(rule)), max(width, _NARROWEST) - len(indent)))


def explain(rule: Rule, width: int = WIDTH) -> str:
    """All about one rule: what it says under its headings, then its examples as case files.

    Args:
        rule: Any rule.
        width: Columns of the terminal; prose takes at most 80 of them, code is left as it is.
    """
    return "\n".join(_explanation(rule, max(_NARROWEST, min(width, WIDTH)))) + "\n"


def _explanation(rule: Rule, width: int) -> Iterator[str]:
    yield f"{rule.code} {rule.name} ({rule.kind})"
    if summary(rule):
        yield ""
        yield from wrapped(_plain(summary(rule)), width)
    for heading, text in sections(rule).items():
        yield from ("", f"{heading}:")
        yield from (f"  {line}".rstrip() for line in wrapped(_plain(text), width - 2))
    for example in (*rule.flagged, *rule.passed):
        yield ""
        yield from wrapped(f"{verdict(example)}: {example.title}", width)
        yield ""
        yield from (f"    {line}".rstrip() for line in example.case.strip("\n").splitlines())
        if example.fix:
            yield ""
            yield from wrapped(f"Fix: {example.fix}", width)
        for change in changes(example):
            yield from ("", *(f"   {line}".rstrip() for line in change))  # the sign stands in the margin of the code


def verdict(example: Example) -> str:
    """``Flagged in image``, ``Flagged in image, together with SG402``, ``Passes``."""
    if not example.scenarios:
        return "Passes"
    others = f", together with {', '.join(example.also)}" if example.also else ""
    return f"Flagged in {', '.join(example.scenarios)}{others}"


def changes(example: Example) -> Iterator[list[str]]:
    """What each way to follow the fix changes in the case: lines that go (-) and come (+), and those around them."""
    before = example.case.strip("\n").splitlines()
    for fixed in example.fixed:
        _, _, _, *lines = difflib.unified_diff(before, fixed.strip("\n").splitlines(), n=1, lineterm="")
        yield ["@@" if line.startswith("@@") else line for line in lines]


def _documentation(rule: Rule) -> str:
    # Not inspect.getdoc: a rule without a docstring would get that of the class it derives from.
    return inspect.cleandoc(type(rule).__doc__ or "")


def _plain(text: str) -> str:
    return text.replace("``", "`")
