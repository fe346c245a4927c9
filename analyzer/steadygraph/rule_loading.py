"""Rules from every installed pack: loading, choosing, explaining."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from steadygraph import near_miss
from steadygraph.errors import UsageError
from steadygraph.model import Kind
from steadygraph.rule import HEADINGS, Example, Rule

GROUP = "steadygraph.rules"
#: Rules of this package cannot lose their codes to those of another pack.
_BUILT_IN = "steadygraph_rules"
_CODE = re.compile(r"[A-Z]+\d+")


@dataclass(frozen=True, slots=True)
class PackProblem:
    """Why the rules of a pack are not there.

    Args:
        pack: The entry point: ``name = module:attribute``.
        problem: One sentence.
    """

    pack: str
    problem: str


@dataclass(frozen=True, slots=True)
class LoadedRules:
    """All usable rules, sorted by code, and the packs that were skipped."""

    rules: tuple[Rule, ...]
    problems: tuple[PackProblem, ...] = ()


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
    for entry in sorted(found, key=lambda e: (e.module.partition(".")[0] != _BUILT_IN, e.name, e.value)):
        try:
            pack = _rules_of(entry)
            _refuse_taken(pack, taken)
        except _PackError as error:
            problems.append(PackProblem(f"{entry.name} = {entry.value}", str(error)))
        else:
            taken.update((rule.code, rule) for rule in pack)
    return LoadedRules(tuple(taken[code] for code in sorted(taken)), tuple(problems))


class _PackError(Exception):
    """One sentence about a pack."""


def _rules_of(entry: EntryPoint) -> tuple[Rule, ...]:
    try:
        pack = entry.load()
    except Exception as error:  # the pack is foreign code: whatever it raises, the other packs still count
        raise _PackError(f"it cannot be imported: {type(error).__name__}: {error}") from error
    if not isinstance(pack, tuple | list):
        raise _PackError(f"{entry.value} is no tuple of rules but of type {type(pack).__name__}")
    for rule in pack:
        problem = _defect(rule)
        if problem is not None:
            raise _PackError(problem)
    return tuple(pack)


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
            raise _PackError(f"code {rule.code} of {type(rule).__name__} is taken")
        if rule.name in names:
            raise _PackError(f"name {rule.name!r} of {type(rule).__name__} is taken")
        codes.add(rule.code)
        names.add(rule.name)


# --- choosing ------------------------------------------------------------------------------------------


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
    found = tuple(
        rule
        for rule in rules
        if word in (rule.name, rule.kind) or (len(word) > 1 and rule.code.startswith(word.upper()))
    )
    if not found:
        known = (known for rule in rules for known in (rule.code, rule.name, rule.kind.value))
        hint = near_miss.question(word, known) or "`steadygraph rules` lists all rules"
        raise UsageError(f"no rule has the code, kind or name {word!r}", hint=hint)
    return found


# --- explaining ------------------------------------------------------------------------------------------


def summary(rule: Rule) -> str:
    """The first paragraph of a rule's docstring, on one line."""
    return " ".join(_documentation(rule).partition("\n\n")[0].split())


def sections(rule: Rule) -> dict[str, str]:
    """What a rule's docstring says under each heading, dedented, in the order of the docstring."""
    parts = re.split(rf"^({'|'.join(HEADINGS)}):\n", _documentation(rule), flags=re.MULTILINE)[1:]
    return {heading: textwrap.dedent(text).strip("\n") for heading, text in zip(parts[::2], parts[1::2], strict=True)}


def _documentation(rule: Rule) -> str:
    return inspect.cleandoc(type(rule).__doc__ or "")


def listing(rules: Sequence[Rule]) -> str:
    """One line per rule: code, name, kind, summary."""
    if not rules:
        return "no rules are installed\n"
    names = max(len(rule.name) for rule in rules)
    kinds = max(len(rule.kind) for rule in rules)
    lines = (f"{rule.code}  {rule.name:<{names}}  {rule.kind:<{kinds}}  {summary(rule)}" for rule in rules)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def explain(rule: Rule) -> str:
    """All about one rule: its docstring under its headings, then its examples as case files."""
    return "\n".join(_explanation(rule)) + "\n"


def _explanation(rule: Rule) -> Iterator[str]:
    yield f"{rule.code} {rule.name} ({rule.kind})"
    yield ""
    yield summary(rule)
    for heading, text in sections(rule).items():
        yield from ("", f"{heading}:", textwrap.indent(text, "  "))
    for example in rule.flagged:
        yield from _shown(f"Flagged in {', '.join(example.scenarios)}", example)
    for example in rule.passed:
        yield from _shown("Passes", example)


def _shown(verdict: str, example: Example) -> Iterator[str]:
    yield from ("", f"{verdict}: {example.title}", "", textwrap.indent(example.case.strip("\n"), "    "))
