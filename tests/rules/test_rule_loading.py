"""Rule packs: what is loaded, what is skipped and why, which rules are chosen."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from steadygraph.errors import UsageError
from steadygraph.model import Evidence, Finding, Kind
from steadygraph.rule import Example, Rule, foreign, packs
from steadygraph.rule.packs import (
    GROUP,
    LoadedRules,
    PackProblem,
    load_packs,
    load_rules,
    matching,
    selected,
    selection,
)

BUILT_IN = EntryPoint("builtin", "steadygraph_rules:RULES", GROUP)

PACK = """
    from steadygraph.model import Kind
    from steadygraph.rule import Example, Rule, foreign, packs

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


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import time; time.sleep(60)", "it did not finish within 0.5 s"),
        ("while True: pass", "it did not finish within 0.5 s"),
        ("import os; os._exit(0)", "it ended its process with exit code 0"),
        ("import os; os.abort()", "it ended its process by signal SIGABRT"),
        ("import os; os.kill(os.getpid(), 9)", "it ended its process by signal SIGKILL"),
        ("import sys; sys.exit(0)", "SystemExit: 0"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("class E(BaseException): pass\n    raise E('x')", "E: x"),
    ],
)
def test_what_a_pack_does_when_it_is_imported_ends_nothing_else(
    pack: EntryPoint, write, text: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "MOST_S", 0.5)
    monkeypatch.setattr(packs, "_slow", {})
    write(f"    {text}")

    loaded = load_packs([pack, BUILT_IN])

    assert [p.problem for p in loaded.problems] == [f"it cannot be imported: {problem}"]
    assert loaded.rules == load_packs([BUILT_IN]).rules


def test_nobody_waits_twice_for_a_pack_that_is_too_slow(
    pack: EntryPoint, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "MOST_S", 0.5)
    monkeypatch.setattr(packs, "_slow", {})
    write("import time; time.sleep(60)")
    first = load_packs([pack])
    write(PACK.format(code="ACME1", name="acme-thing", rules="(Mine(),)"))

    assert load_packs([pack]) == first


def test_nobody_waits_for_a_pack_that_another_process_has_waited_for(
    pack: EntryPoint, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "_slow", {})
    write("import time; time.sleep(60)")

    packs.leave_out({str(pack): "it cannot be imported: it did not finish within 10 s"})

    assert [problem.problem for problem in load_packs([pack]).problems] == [
        "it cannot be imported: it did not finish within 10 s"
    ]
    assert packs.slow_packs() == {str(pack): "it cannot be imported: it did not finish within 10 s"}


def test_a_pack_prints_nowhere_and_changes_nothing_in_this_process(
    pack: EntryPoint, write, capfd: pytest.CaptureFixture[str]
) -> None:
    write(
        PACK.format(code="ACME1", name="acme-thing", rules="(Mine(),)")
        + """
    import os, sys
    print("out"); os.system("echo shell"); os.write(1, b"raw"); sys.stderr.write("err")
    os.environ["OF_THE_PACK"] = "1"
    import steadygraph_rules
    for rule in steadygraph_rules.RULES:
        type(rule).check = None
    """
    )

    loaded = load_packs([pack, BUILT_IN])

    assert (loaded.problems, capfd.readouterr()) == ((), ("", ""))
    assert "OF_THE_PACK" not in os.environ
    assert "acme_rules" not in sys.modules
    assert all(rule.check for rule in loaded.rules)


def test_a_rule_of_a_pack_tells_of_itself_what_it_says(pack: EntryPoint, write) -> None:
    write(
        PACK.format(code="ACME1", name="acme-thing", rules="(Mine(),)")
        + """
    from steadygraph.rule import Example
    Mine.__doc__ = "What it is."
    Mine.fallback = True
    Mine.flagged = (Example("title", "case", ("a", "b"), fix="Do it.", fixed=("other",)),)
    """
    )

    (rule,) = load_packs([pack]).rules

    assert (type(rule).__name__, type(rule).__doc__, rule.fallback) == ("Mine", "What it is.", True)
    assert rule.kind is Kind.HOST_SYNC
    assert rule.flagged == (Example("title", "case", ("a", "b"), fix="Do it.", fixed=("other",)),)


# --- choosing ----------------------------------------------------------------------------------------------


class Stub(Rule):
    """A rule to be chosen, or not."""

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


# --- choosing where packs are missing ------------------------------------------------------------------------


BROKEN = PackProblem("acme = acme_rules:RULES", "it cannot be imported: ValueError: no")
TAKEN = PackProblem("acme = acme_rules:RULES", "code SG206 of Stub is taken", (Stub("SG206", "mine", Kind.STRIDE),))


@pytest.mark.parametrize(
    ("problem", "select", "codes", "message", "asked"),
    [
        (BROKEN, (), ["SG201", "SG206", "SG301"], str(BROKEN), False),
        (BROKEN, ("SG206",), ["SG206"], str(BROKEN), False),
        (BROKEN, ("ACME1",), [], f"{BROKEN}; ACME1 may be one of them", True),
        (BROKEN, ("dtype", "acme-thing"), ["SG206"], f"{BROKEN}; acme-thing may be one of them", True),
        (TAKEN, (), ["SG201", "SG206", "SG301"], str(TAKEN), False),
        (TAKEN, ("SG2",), ["SG201", "SG206"], str(TAKEN), False),
        (TAKEN, ("SG206",), ["SG206"], str(TAKEN), True),
        (TAKEN, ("mine",), [], str(TAKEN), True),
        (TAKEN, ("stride",), [], str(TAKEN), True),
    ],
)
def test_a_missing_pack_is_selected_by_what_only_it_may_have(
    problem: PackProblem, select: tuple[str, ...], codes: list[str], message: str, asked: bool
) -> None:
    found = selection(LoadedRules(RULES, (problem,)), select)

    assert [rule.code for rule in found.rules] == codes
    assert [(p.rule, p.message, p.selected) for p in found.problems] == [("acme = acme_rules:RULES", message, asked)]


def test_what_a_missing_pack_may_have_can_be_ignored() -> None:
    found = selection(LoadedRules(RULES, (BROKEN,)), ignore=("ACME1", "SG2"))

    assert [rule.code for rule in found.rules] == ["SG301"]
    assert not any(problem.selected for problem in found.problems)


def test_a_word_that_no_missing_pack_has_is_refused() -> None:
    with pytest.raises(UsageError) as caught:
        selection(LoadedRules(RULES, (TAKEN,)), ("ACME1",))

    assert caught.value.problem == "no rule has the code, kind or name 'ACME1'"
