"""Rules from every installed pack: loading and choosing."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from steadygraph.errors import UsageError, near_miss
from steadygraph.model import Kind, RuleProblem
from steadygraph.rule import Rule, foreign
from steadygraph.rule.rule import BUILT_IN

GROUP = "steadygraph.rules"
_CODE = re.compile(r"[A-Z]+\d+")


@dataclass(frozen=True, slots=True)
class PackProblem:
    """Why the rules of a pack are not there.

    Args:
        pack: The entry point: ``name = module:attribute``.
        problem: One sentence.
        rules: What is in it, as far as it could be read; None: nobody knows.
    """

    pack: str
    problem: str
    rules: tuple[Rule, ...] | None = None

    def __str__(self) -> str:
        return f"rules of {self.pack} are left out: {self.problem}"

    def may_hold(self, word: str) -> bool:
        """Could this mean one of its rules?"""
        return self.rules is None or any(_means(word, rule) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """All usable rules, sorted by code, and the packs that were skipped."""

    rules: tuple[Rule, ...]
    problems: tuple[PackProblem, ...] = ()

    def may_lack(self, word: str) -> bool:
        """Could this mean a rule of a pack that was skipped?"""
        return any(problem.may_hold(word) for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rules to run, and the packs that should be among them and are not."""

    rules: tuple[Rule, ...]
    problems: tuple[RuleProblem, ...] = ()


def load_rules() -> tuple[Rule, ...]:
    """The rules of every installed pack, sorted by code; packs that cannot be used are left out."""
    return load_packs().rules


def load_packs(entries: Iterable[EntryPoint] | None = None) -> LoadedRules:
    """Load the packs that are registered under ``steadygraph.rules``.

    Args:
        entries: Entry points to load instead of the installed ones.
    """
    found = entry_points(group=GROUP) if entries is None else entries
    taken: dict[str, Rule] = {}
    problems = []
    for entry in sorted(found, key=lambda e: (e.module.partition(".")[0] != BUILT_IN, e.name, e.value)):
        try:
            pack = _rules_of(entry)
            _refuse_taken(pack, taken)
        except _PackError as error:
            problems.append(PackProblem(f"{entry.name} = {entry.value}", str(error), error.rules))
        else:
            taken.update((rule.code, rule) for rule in pack)
    return LoadedRules(tuple(taken[code] for code in sorted(taken)), tuple(problems))


class _PackError(Exception):
    """One sentence about a pack, and its rules where they are known."""

    def __init__(self, problem: str, rules: tuple[Rule, ...] | None = None) -> None:
        super().__init__(problem)
        self.rules = rules


def _rules_of(entry: EntryPoint) -> tuple[Rule, ...]:
    if entry.module.partition(".")[0] == BUILT_IN:
        pack: tuple[Rule, ...] = entry.load()
        return pack
    if str(entry) in _slow:
        raise _PackError(_slow[str(entry)])
    try:
        return foreign.rules_of(entry, lambda found: _require_rules(found, entry))
    except foreign.SlowError as error:
        _slow[str(entry)] = f"it cannot be imported: {error}"
        raise _PackError(_slow[str(entry)]) from None
    except foreign.NoPackError as error:
        raise _PackError(str(error)) from None
    except foreign.ForeignError as error:
        raise _PackError(f"it cannot be imported: {error}") from None


#: Packs that nobody waits for a second time, and why.
_slow: dict[str, str] = {}


def slow_packs() -> dict[str, str]:
    """The packs that nobody has to wait for any more, and why; for those who work for this process."""
    _look()
    return dict(_slow)


def leave_out(slow: Mapping[str, str]) -> None:
    """Do not wait for these: another process has."""
    _slow.update(slow)


@functools.cache
def _look() -> None:
    load_packs()


def _require_rules(pack: object, entry: EntryPoint) -> None:
    if not isinstance(pack, tuple | list):
        raise foreign.NoPackError(f"{entry.value} is no tuple of rules but of type {type(pack).__name__}")
    for rule in pack:
        problem = _defect(rule)
        if problem is not None:
            raise foreign.NoPackError(problem)


def _defect(rule: object) -> str | None:
    if not isinstance(rule, Rule):
        hint = ", which is a class: create it, Class()" if isinstance(rule, type) else ""
        return f"{rule!r} is no instance of steadygraph.rule.Rule{hint}"
    for attribute, kind in (("code", str), ("name", str), ("kind", Kind)):
        if not isinstance(getattr(rule, attribute, None), kind):
            return f"{type(rule).__name__}.{attribute} is no {kind.__name__}"
    return None if _CODE.fullmatch(rule.code) else f"{rule.code!r} is no rule code: capital letters, then digits"


def _refuse_taken(pack: Sequence[Rule], taken: dict[str, Rule]) -> None:
    codes, names = set(taken), {rule.name for rule in taken.values()}
    for rule in pack:
        if rule.code in codes:
            raise _PackError(f"code {rule.code} of {type(rule).__name__} is taken", tuple(pack))
        if rule.name in names:
            raise _PackError(f"name {rule.name!r} of {type(rule).__name__} is taken", tuple(pack))
        codes.add(rule.code)
        names.add(rule.name)


# --- choosing ------------------------------------------------------------------------------------------


def selection(packs: LoadedRules, select: Sequence[str] = (), ignore: Sequence[str] = ()) -> Selection:
    """The rules to run, of packs some of which may be missing.

    A missing pack counts as selected where ``select`` has the code or the name of one of its rules, or a word that
    means no other rule and could mean one of its.

    Raises:
        UsageError: A word that means no rule, and none of a missing pack either.
    """
    wanted, unwanted = _present(packs, select), _present(packs, ignore)
    absent = [word for word in select if word not in wanted]
    # Without a word that means anything nothing is selected, not everything.
    rules = () if select and not wanted else selected(packs.rules, wanted, unwanted)
    return Selection(rules, tuple(_missing(problem, select, absent) for problem in packs.problems))


def _missing(problem: PackProblem, select: Iterable[str], absent: Iterable[str]) -> RuleProblem:
    guessed = [word for word in absent if problem.may_hold(word)]
    if guessed and problem.rules is None:
        return RuleProblem(problem.pack, f"{problem}; {', '.join(guessed)} may be one of them", selected=True)
    named = any(is_named(word, rule) for word in select for rule in problem.rules or ())
    return RuleProblem(problem.pack, str(problem), selected=named or bool(guessed))


def _present(packs: LoadedRules, words: Iterable[str]) -> list[str]:
    """The words that mean rules which are there; those that a missing pack may have are left out."""
    present = []
    for word in words:
        try:
            matching(packs.rules, word)
        except UsageError:
            if not packs.may_lack(word):
                raise
        else:
            present.append(word)
    return present


def selected(rules: Sequence[Rule], select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """The rules to run.

    Args:
        rules: All rules.
        select: Codes, code prefixes (``SG2``), kinds or names; empty for all rules.
        ignore: The same, taken away afterwards.

    Raises:
        UsageError: A word that fits no rule.
    """
    wanted = {rule.code for word in select for rule in matching(rules, word)} if select else {r.code for r in rules}
    unwanted = {rule.code for word in ignore for rule in matching(rules, word)}
    return tuple(rule for rule in rules if rule.code in wanted - unwanted)


def matching(rules: Sequence[Rule], word: str) -> tuple[Rule, ...]:
    """The rules that a code, a code prefix, a kind or a name means.

    Raises:
        UsageError: It means none; the hint names the nearest word.
    """
    found = tuple(rule for rule in rules if _means(word, rule))
    if not found:
        known = (known for rule in rules for known in (rule.code, rule.name, rule.kind.value))
        hint = near_miss.question(word, known) or "`steadygraph rules` lists all rules"
        raise UsageError(f"no rule has the code, kind or name {word!r}", hint=hint)
    return found


def is_named(word: str, rule: Rule) -> bool:
    """Is this the code or the name of the rule, and so no other's?"""
    return word.upper() == rule.code or word == rule.name


def _means(word: str, rule: Rule) -> bool:
    return word in (rule.name, rule.kind) or (len(word) > 1 and rule.code.startswith(word.upper()))
