"""A page of documentation for each rule, with the text of ``steadygraph rules``.

Write the pages of the built-in rules anew, from the root of the checkout, with::

    python -m steadygraph.rule.pages

and those of another pack with ``python -m steadygraph.rule.pages DIRECTORY --pack NAME``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points
from pathlib import Path

from steadygraph.rule import Example, Rule
from steadygraph.rule.packs import GROUP, load_packs
from steadygraph.rule.text import changes, prose, sections, summary, verdict, wrapped

DIRECTORY = Path("docs", "reference", "rules")
PACK = "builtin"
#: How every page begins, so that the page of a rule that is gone can be told from one that somebody wrote.
MARK = "<!-- Made by python -m steadygraph.rule.pages: change the docstring and the examples of the rule. -->"
_WIDTH = 100
_CHOOSING = """
`--select` and `--ignore` of `steadygraph analyze`, and the keys of the same names in `[tool.steadygraph]`, take codes,
prefixes of codes (`{prefix}`), kinds and names, and `steadygraph rules CODE` prints the page of a rule.
"""


def pages(rules: Sequence[Rule]) -> dict[str, str]:
    """The text of every page by the name of its file."""
    return {"index.md": index(rules), **{f"{rule.code}.md": page(rule) for rule in rules}}


def page(rule: Rule) -> str:
    """The page of one rule, as Markdown."""
    return "\n".join(_page(rule)) + "\n"


def index(rules: Sequence[Rule]) -> str:
    """A table of the rules with links to their pages, as Markdown."""
    lines = [MARK, "", "# Rules", ""]
    if rules:
        lines += [*wrapped(_CHOOSING.format(prefix=rules[0].code[:-2]), _WIDTH), ""]
    lines += ["| rule | name | kind | what it finds |", "|---|---|---|---|"]
    for rule in rules:
        cells = (f"[{rule.code}]({rule.code}.md)", rule.name, f"`{rule.kind}`", prose(summary(rule)))
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def write(rules: Sequence[Rule], directory: Path) -> None:
    """Write all pages, and remove those of rules that are gone."""
    directory.mkdir(parents=True, exist_ok=True)
    wanted = pages(rules)
    for file in directory.glob("*.md"):
        if file.name not in wanted and file.read_text(encoding="utf-8").startswith(MARK):
            file.unlink()
    for name, text in wanted.items():
        (directory / name).write_text(text, encoding="utf-8")


def _page(rule: Rule) -> Iterator[str]:
    yield from (MARK, "", f"# {rule.code} {rule.name}", "", f"Kind: `{rule.kind}`.")
    if summary(rule):
        yield from ("", *wrapped(prose(summary(rule)), _WIDTH))
    for heading, text in sections(rule).items():
        yield from ("", f"## {heading}", "")
        yield from wrapped(prose(text), _WIDTH)
    if rule.flagged or rule.passed:
        yield from ("", "## Examples")
    for example in (*rule.flagged, *rule.passed):
        yield from _example(example)


def _example(example: Example) -> Iterator[str]:
    yield from ("", f"### {example.title[:1].upper()}{example.title[1:]}", "", f"{verdict(example)}.", "")
    yield from ("```python", example.case.strip("\n"), "```")
    if example.fix:
        yield from ("", *wrapped(prose(f"Fix: {example.fix}"), _WIDTH))
    for number, change in enumerate(changes(example)):
        yield from ("", "Or:" if number else "Followed, it passes:", "", "```diff", *change, "```")


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the pages of one pack."""
    parser = argparse.ArgumentParser(prog="python -m steadygraph.rule.pages", description="Write the pages of rules.")
    parser.add_argument("directory", nargs="?", type=Path, default=DIRECTORY, help=f"default: {DIRECTORY}")
    parser.add_argument("--pack", default=PACK, help=f"name of the pack's entry point; default: {PACK}")
    given = parser.parse_args(arguments)
    entries = [entry for entry in entry_points(group=GROUP) if entry.name == given.pack]
    if not entries:
        parser.error(f"no pack is registered as {given.pack!r}")
    loaded = load_packs(entries)
    if loaded.problems:
        parser.error(str(loaded.problems[0]))
    write(loaded.rules, given.directory)


if __name__ == "__main__":
    main()
