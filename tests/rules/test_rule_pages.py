"""The pages of the rules: what they look like, and that the committed ones are up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from steadygraph.model import Evidence, Finding, Kind
from steadygraph.rule import Example, Rule
from steadygraph.rule.packs import load_rules
from steadygraph.rule.pages import DIRECTORY, MARK, index, main, page, pages, write

#: The rules of the checkout: others may be installed beside them.
BUILT_IN = tuple(rule for rule in load_rules() if type(rule).__module__.startswith("steadygraph_rules."))


class Pair(Rule):
    """Two ``lists`` of <unequal> length | width.

    What it finds:
        A ``list[int]`` and a list <of> floats.

    Known limits:
        * one;
        * two.
    """

    code = "EX101"
    name = "unequal-pair"
    kind = Kind.INPUT_STRUCTURE
    flagged = (
        Example(
            "one more",
            "\nx = [1]\ny = [1, 2]\nz = 1\nz = 2\nz = 3\nz = 4\n",
            ("a",),
            also=("EX102",),
            fix="Give `x` two entries, or let `y` have one only, so that there are as many in both (< 2 and > 0).",
            fixed=(
                "\nx = [1, 1]\ny = [1, 2]\nz = 1\nz = 2\nz = 3\nz = 5\n",
                "\nx = [1]\ny = [1]\nz = 1\nz = 2\nz = 3\nz = 4\n",
            ),
        ),
    )
    passed = (Example("as many", "x = y = [1]\n"),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        return iter(())


class Bare(Pair):
    __doc__ = None
    code = "EX102"
    name = "bare"
    flagged = passed = ()


def test_a_page_has_the_text_of_the_docstring_and_the_examples() -> None:
    assert page(Pair()) == (
        f"{MARK}\n"
        "\n"
        "# EX101 unequal-pair\n"
        "\n"
        "Kind: `input-structure`.\n"
        "\n"
        "Two `lists` of &lt;unequal> length | width.\n"
        "\n"
        "## What it finds\n"
        "\n"
        "A `list[int]` and a list &lt;of> floats.\n"
        "\n"
        "## Known limits\n"
        "\n"
        "* one;\n"
        "* two.\n"
        "\n"
        "## Examples\n"
        "\n"
        "### One more\n"
        "\n"
        "Flagged in a, together with EX102.\n"
        "\n"
        "```python\n"
        "x = [1]\n"
        "y = [1, 2]\n"
        "z = 1\n"
        "z = 2\n"
        "z = 3\n"
        "z = 4\n"
        "```\n"
        "\n"
        "Fix: Give `x` two entries, or let `y` have one only, so that there are as many in both (&lt; 2 and >\n"
        "0).\n"
        "\n"
        "Followed, it passes:\n"
        "\n"
        "```diff\n"
        "-x = [1]\n"
        "+x = [1, 1]\n"
        " y = [1, 2]\n"
        "@@\n"
        " z = 3\n"
        "-z = 4\n"
        "+z = 5\n"
        "```\n"
        "\n"
        "Or:\n"
        "\n"
        "```diff\n"
        " x = [1]\n"
        "-y = [1, 2]\n"
        "+y = [1]\n"
        " z = 1\n"
        "```\n"
        "\n"
        "### As many\n"
        "\n"
        "Passes.\n"
        "\n"
        "```python\n"
        "x = y = [1]\n"
        "```\n"
    )


def test_a_rule_that_says_nothing_has_a_page_with_its_name() -> None:
    assert page(Bare()) == f"{MARK}\n\n# EX102 bare\n\nKind: `input-structure`.\n"


def test_the_index_links_to_every_page() -> None:
    text = index((Pair(), Bare()))

    assert text.startswith(f"{MARK}\n\n# Rules\n\n`--select` and `--ignore`")
    assert text.endswith(
        "| rule | name | kind | what it finds |\n"
        "|---|---|---|---|\n"
        "| [EX101](EX101.md) | unequal-pair | `input-structure` | Two `lists` of &lt;unequal> length \\| width. |\n"
        "| [EX102](EX102.md) | bare | `input-structure` |  |\n"
    )


def test_the_committed_pages_are_those_of_the_rules(repository: Path) -> None:
    committed = {file.name: file.read_text(encoding="utf-8") for file in (repository / DIRECTORY).iterdir()}

    assert committed == pages(BUILT_IN), "write them anew: python -m steadygraph.rule.pages"


def test_pages_of_rules_that_are_gone_are_removed_and_others_stay(tmp_path: Path) -> None:
    write((Pair(), Bare()), tmp_path)
    (tmp_path / "notes.md").write_text("# Mine\n", encoding="utf-8")

    write((Bare(),), tmp_path)

    assert sorted(file.name for file in tmp_path.iterdir()) == ["EX102.md", "index.md", "notes.md"]


def test_the_module_writes_the_pages_of_a_pack(tmp_path: Path) -> None:
    main([str(tmp_path / "rules")])

    assert {file.stem for file in (tmp_path / "rules").iterdir()} == {"index", *(rule.code for rule in BUILT_IN)}


def test_a_pack_that_is_not_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([str(tmp_path), "--pack", "acme"])

    assert caught.value.code == 2
    assert capsys.readouterr().err.endswith("error: no pack is registered as 'acme'\n")
    assert list(tmp_path.iterdir()) == []
