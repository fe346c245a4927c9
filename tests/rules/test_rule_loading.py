"""Rule packs: what is loaded, what is skipped and why, which rules are chosen, how they are explained."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from steadygraph.errors import UsageError
from steadygraph.model import Evidence, Finding, Kind
from steadygraph.rule import HEADINGS, Example, Rule
from steadygraph.rule_loading import (
    GROUP,
    explain,
    listing,
    load_packs,
    load_rules,
    matching,
    sections,
    selected,
    summary,
)

BUILT_IN = EntryPoint("builtin", "steadygraph_rules:RULES", GROUP)

PACK = """
    from steadygraph.model import Kind
    from steadygraph.rule import Rule

    class Mine(Rule):
        code = "{code}"
        name = "{name}"
        kind = Kind.HOST_SYNC

        def check(self, evidence):
            return iter(())

    RULES = {rules}
"""


@pytest.fixture
def pack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EntryPoint]:
    monkeypatch.syspath_prepend(tmp_path)
    yield EntryPoint("acme", "acme_rules:RULES", GROUP)
    sys.modules.pop("acme_rules", None)


@pytest.fixture
def write(tmp_path: Path) -> object:
    def write(text: str) -> None:
        (tmp_path / "acme_rules.py").write_text(textwrap.dedent(text), encoding="utf-8")

    return write


def test_the_built_in_rules_are_found_through_their_entry_point() -> None:
    found = load_rules()

    assert [rule.code for rule in found] == sorted(rule.code for rule in found)
    assert "SG101" in {rule.code for rule in found}


def test_rules_of_another_pack_stand_beside_the_built_in_ones(pack: EntryPoint, write) -> None:
    write(PACK.format(code="ACME1", name="acme-thing", rules="(Mine(),)"))

    loaded = load_packs([pack, BUILT_IN])

    assert loaded.problems == ()
    assert loaded.rules[0].code == "ACME1"
    assert len(loaded.rules) == len(load_packs([BUILT_IN]).rules) + 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import no_such_module", "it cannot be imported: ModuleNotFoundError: No module named 'no_such_module'"),
        ("OTHER = ()", "it cannot be imported: AttributeError: module 'acme_rules' has no attribute 'RULES'"),
        ("RULES = {}", "acme_rules:RULES is no tuple of rules but of type dict"),
        ("RULES = (3,)", "3 is no instance of steadygraph.rule.Rule"),
        (
            PACK.format(code="ACME1", name="thing", rules="(Mine,)"),
            "<class 'acme_rules.Mine'> is no instance of steadygraph.rule.Rule, which is a class: create it, Class()",
        ),
        (
            PACK.format(code="acme", name="thing", rules="(Mine(),)"),
            "'acme' is no rule code: capital letters, then digits",
        ),
        (PACK.format(code="SG101", name="thing", rules="(Mine(),)"), "code SG101 of Mine is taken"),
        (PACK.format(code="ACME1", name="thing", rules="(Mine(), Mine())"), "code ACME1 of Mine is taken"),
        (PACK.format(code="ACME1", name="graph-break", rules="(Mine(),)"), "name 'graph-break' of Mine is taken"),
        (
            PACK.format(code="ACME1", name="thing", rules="(Mine(),); Mine.kind = 'host-sync'"),
            "Mine.kind is no Kind",
        ),
    ],
)
def test_a_pack_that_cannot_be_used_is_named_and_skipped(pack: EntryPoint, write, text: str, problem: str) -> None:
    write(text)

    # The name sorts before that of the built-in pack, which still comes first.
    loaded = load_packs([pack, BUILT_IN])

    assert [(p.pack, p.problem) for p in loaded.problems] == [("acme = acme_rules:RULES", problem)]
    assert loaded.rules == load_packs([BUILT_IN]).rules


# --- choosing ----------------------------------------------------------------------------------------------


class Stub(Rule):
    """A rule to be chosen, or not.

    What it finds:
        Nothing.

    Why it matters:
        It does not:
        at all.

    How to fix it:
        Wait.

    Known limits:
        None.
    """

    flagged = (Example("one", "\nx = 1\nif x:\n    y = 2\n", ("a", "b")),)
    passed = (Example("two", "z = 3\n"),)

    def __init__(self, code: str, name: str, kind: Kind) -> None:
        self.code = code  # type: ignore[misc]
        self.name = name  # type: ignore[misc]
        self.kind = kind  # type: ignore[misc]

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        return iter(())


RULES = (
    Stub("SG201", "baked-int", Kind.SPECIALIZATION_INT),
    Stub("SG206", "dtype-change", Kind.DTYPE),
    Stub("SG301", "module-attribute", Kind.MODULE_ATTRIBUTE),
)


@pytest.mark.parametrize(
    ("select", "ignore", "codes"),
    [
        ((), (), ["SG201", "SG206", "SG301"]),
        (("SG206",), (), ["SG206"]),
        (("sg206",), (), ["SG206"]),
        (("SG2",), (), ["SG201", "SG206"]),
        (("SG2",), ("SG201",), ["SG206"]),
        (("dtype",), (), ["SG206"]),
        (("dtype-change", "module-attribute"), (), ["SG206", "SG301"]),
        ((), ("specialization-int",), ["SG206", "SG301"]),
        ((), ("SG",), []),
    ],
)
def test_rules_are_chosen_by_code_prefix_kind_or_name(
    select: tuple[str, ...], ignore: tuple[str, ...], codes: list[str]
) -> None:
    found = selected(RULES, select, ignore)

    assert [rule.code for rule in found] == codes


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("SG302", "did you mean SG301?"),
        ("dtypes", "did you mean dtype?"),
        ("", "`steadygraph rules` lists all rules"),
        ("s", "`steadygraph rules` lists all rules"),
        ("nonsense!", "`steadygraph rules` lists all rules"),
    ],
)
@pytest.mark.parametrize("option", ["select", "ignore"])
def test_a_word_that_means_no_rule_is_refused_with_the_nearest_one(word: str, hint: str, option: str) -> None:
    with pytest.raises(UsageError) as caught:
        selected(RULES, **{option: (word,)})

    assert str(caught.value) == f"no rule has the code, kind or name {word!r}\n  hint: {hint}"


def test_one_word_can_mean_several_rules() -> None:
    assert matching(RULES, "SG20") == RULES[:2]


# --- explaining --------------------------------------------------------------------------------------------


def test_the_list_of_rules_is_a_line_for_each() -> None:
    assert listing(RULES) == (
        "SG201  baked-int         specialization-int  A rule to be chosen, or not.\n"
        "SG206  dtype-change      dtype               A rule to be chosen, or not.\n"
        "SG301  module-attribute  module-attribute    A rule to be chosen, or not.\n"
    )


def test_without_rules_the_list_says_so() -> None:
    assert listing(()) == "no rules are installed\n"


def test_an_explanation_shows_the_docstring_and_the_examples() -> None:
    assert explain(RULES[0]) == (
        "SG201 baked-int (specialization-int)\n"
        "\n"
        "A rule to be chosen, or not.\n"
        "\n"
        "What it finds:\n"
        "  Nothing.\n"
        "\n"
        "Why it matters:\n"
        "  It does not:\n"
        "  at all.\n"
        "\n"
        "How to fix it:\n"
        "  Wait.\n"
        "\n"
        "Known limits:\n"
        "  None.\n"
        "\n"
        "Flagged in a, b: one\n"
        "\n"
        "    x = 1\n"
        "    if x:\n"
        "        y = 2\n"
        "\n"
        "Passes: two\n"
        "\n"
        "    z = 3\n"
    )


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.code)
def test_every_rule_documents_itself_under_the_four_headings(rule: Rule) -> None:
    found = sections(rule)

    assert tuple(found) == HEADINGS
    assert all(found.values())
    assert summary(rule).endswith(".")
    assert rule.name == rule.name.lower().replace(" ", "-").replace("_", "-")
