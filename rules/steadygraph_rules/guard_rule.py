"""What rules about violated guards share: grouping, consequence, and the words for places and changes."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from steadygraph.model import (
    Asks,
    Aspect,
    BreakReason,
    Checked,
    Consequence,
    Evidence,
    Finding,
    Outcome,
    Owner,
    Policy,
    Result,
    Subject,
    ViolatedGuard,
)
from steadygraph.rule import Message, Rule, clauses, spread
from steadygraph_rules.blame import of_guards
from steadygraph_rules.causes import Cause, causes
from steadygraph_rules.tensors import tensor_path

#: Beside any other cause that changes the graph, these cost a recompile and no more.
_WEAK = frozenset({Cause.SHAPE, Cause.ZERO_ONE, Cause.DUCK, Cause.STRIDE, Cause.REQUIRES_GRAD})
_BAD = (Consequence.SILENT_WRONG, Consequence.RAISES)
#: Entries of a list or of a dict: what changes in one layer changes in all of them.
_INDEX = re.compile(r"\[[^\[\]]*\]|(?<=\.)\d+(?=\.|$)")
_IF_FIRST = "; it would recompile if it came first: an earlier scenario has compiled what it needs"
#: What to do about inputs that overlap in memory in one run only.
FIX_OVERLAP = "Pass inputs that share memory in every call or in none: clone() one of them."
LONGEST_VALUE = 80
LONGEST_ERROR = 160
_NAMED_AT_MOST = 2


class GuardRule(Rule):
    """A rule that reports the violated guards of one cause."""

    cause: ClassVar[Cause]
    #: One finding for all guards of the scenario; otherwise one per path, entries of lists and dicts taken together.
    one_defect: ClassVar[bool] = False

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        by_cause = causes(evidence)
        for guards in self.groups(by_cause.get(self.cause, ())):
            first = guards[0]
            worst = consequence(evidence, self.cause, guards, by_cause)
            told = (
                *clauses(self.message(first, evidence)),
                dropped(first),
                also(guards),
                left_behind(evidence, worst),
                limit_reached(evidence, first.region),
                _IF_FIRST if worst is Consequence.RECOMPILES and compiled_before(evidence) else "",
            )
            yield self.finding(
                evidence,
                spread(told, len({guard.region for guard in guards})),
                path=first.path,
                consequence=worst,
                fix=self.fix_of_all(guards, evidence),
                location=next((guard.location for guard in guards if guard.location), None),
                region=first.region,
                profile=first.expected,
                serving=first.actual,
                also=other_paths(guards),
                says_change=True,
                outcomes=of_guards(evidence),
            )

    def groups(self, guards: Sequence[ViolatedGuard]) -> list[list[ViolatedGuard]]:
        """The guards that are one defect, the one to be named first."""
        found: dict[object, list[ViolatedGuard]] = {}
        for guard in guards:
            found.setdefault("" if self.one_defect else self._defect(guard), []).append(guard)
        return list(found.values()) if self.one_defect else [sorted(group, key=_natural) for group in found.values()]

    def _defect(self, guard: ViolatedGuard) -> object:
        """All guards of one line that change no graph cost the same recompile: they are one defect, however many."""
        if guard.matters is False and guard.location is not None and guard.owner is not Owner.AMBIENT:
            return guard.location.path, guard.location.line
        return self.defect(guard)

    def defect(self, guard: ViolatedGuard) -> object:
        """Guards with an equal value here are one defect."""
        return same_but_for_index(guard.path)

    @abstractmethod
    def message(self, guard: ViolatedGuard, evidence: Evidence) -> Message:
        """What was and what is, for the first guard of a defect."""

    def fix_of_all(self, guards: Sequence[ViolatedGuard], _evidence: Evidence) -> str:
        """What mends all guards of a defect: the first one by name, and so the others that the message names."""
        given = [guard for guard in guards if guard is guards[0] or not from_before_a_break(guard)]
        fix, first, *others = self.fix(guards[0]), *dict.fromkeys(tensor_path(guard.path) for guard in given)
        return f"{fix.removesuffix('.')}; likewise for the others." if others and first in fix else fix

    @abstractmethod
    def fix(self, guard: ViolatedGuard) -> str:
        """One sentence in the imperative."""


def consequence(
    evidence: Evidence,
    cause: Cause,
    guards: Sequence[ViolatedGuard],
    by_cause: Mapping[Cause, Sequence[ViolatedGuard]],
) -> Consequence:
    """What these guards can have done: the worst outcome is theirs if the graph is; otherwise they have their price.

    A guard that does not change the graph is to blame for wrong results only if no other guard changes it.  One that is
    checked under every policy costs what stock torch.compile does about it.
    """
    if all(guard.checked is Checked.ALWAYS for guard in guards):
        evidence, by_cause = _where_all_are_checked(evidence, by_cause)
    worst = replace(evidence, outcomes=of_guards(evidence)).worst
    if cause is Cause.SHAPE and _nothing_proved(evidence) and _only_sizes(guards):
        return Consequence.BENIGN
    if worst not in _BAD or (worst is Consequence.RAISES and evidence.eager_error is not None):
        return _price(evidence, guards)
    if not _matter(guards) and _matter(evidence.violated_guards):
        return _price(evidence, guards)
    if cause in _WEAK and any(_matter(others) for other, others in by_cause.items() if other not in _WEAK):
        return _price(evidence, guards)
    return worst


def _where_all_are_checked(
    evidence: Evidence, by_cause: Mapping[Cause, Sequence[ViolatedGuard]]
) -> tuple[Evidence, Mapping[Cause, Sequence[ViolatedGuard]]]:
    """What the policy that drops no guard does, and the guards that the model's own code has checked."""
    kept = tuple(outcome for outcome in evidence.outcomes if outcome.policy is Policy.RECOMPILE)
    checked = {cause: [g for g in guards if g.checked is Checked.ALWAYS] for cause, guards in by_cause.items()}
    guards = tuple(guard for guard in evidence.violated_guards if guard.checked is Checked.ALWAYS)
    return replace(evidence, outcomes=kept, violated_guards=guards), checked


def _nothing_proved(evidence: Evidence) -> bool:
    """Is everything about the call a prediction, and the graph that it needs the same but for sizes?"""
    same_ops = not (evidence.graph.missing_ops or evidence.graph.extra_ops or evidence.graph.missing_inputs)
    unproved = bool(evidence.outcomes) and all(o.result is Result.UNPROVED for o in evidence.outcomes)
    return unproved and same_ops and evidence.worst is not Consequence.SILENT_WRONG


def _only_sizes(guards: Sequence[ViolatedGuard]) -> bool:
    """Sizes of arguments: after one recompilation they are dynamic."""
    return all(
        guard.aspect is Aspect.SHAPE and not guard.condition.is_relation and guard.owner is Owner.ARGUMENT
        for guard in guards
    )


def _price(evidence: Evidence, guards: Sequence[ViolatedGuard]) -> Consequence:
    """Of any violated guard: a recompile, in a deployment that looks at guards; otherwise nothing.

    Also where an earlier scenario has compiled what this one needs: requests come in any order.
    """
    if all(guard.checked is Checked.NEVER for guard in guards):
        return Consequence.BENIGN
    policies = {outcome.policy for outcome in evidence.outcomes}
    looked_at = not policies or Policy.RECOMPILE in policies or evidence.worst is Consequence.RECOMPILES
    return Consequence.RECOMPILES if looked_at else Consequence.BENIGN


def dropped(guard: ViolatedGuard) -> str:
    """Why nothing looks at it, where the model's own code says so."""
    return "; its torch.compile drops the guard (guard_filter_fn)" if guard.checked is Checked.NEVER else ""


def compiled_before(evidence: Evidence) -> bool:
    """Did graphs of an earlier scenario answer the call, though it violates guards of the profile call?"""
    kept = [outcome for outcome in evidence.outcomes if outcome.policy is Policy.RECOMPILE]
    answered = all(observation.graphs for observation in evidence.serving if observation.violated_guards)
    return answered and bool(kept) and all(one.result is Result.SAME and one.recompiles == 0 for one in kept)


def left_behind(evidence: Evidence, worst: Consequence) -> str:
    """What a call that is silently wrong left behind in its arguments and in the model, if that is what is wrong."""
    if worst is not Consequence.SILENT_WRONG:
        return ""
    effects = dict.fromkeys(outcome.effect for outcome in of_guards(evidence) if outcome.effect)
    return "".join(f"; {shortened(effect, LONGEST_ERROR)}" for effect in list(effects)[:_NAMED_AT_MOST])


def limit_reached(evidence: Evidence, region: str) -> str:
    """That the call was one recompilation too many for its code, if it was."""
    breaks = [one for observation in evidence.serving if observation.region == region for one in observation.breaks]
    where = next((one.location for one in breaks if one.reason is BreakReason.RECOMPILE_LIMIT), None)
    if where is None:
        return ""
    return f"; that reaches the recompile limit, and `{where.function}` runs uncompiled from here on"


def differs(outcome: Outcome) -> str:
    """What a call that is silently wrong does: "returns something else than eager mode"."""
    # Where the outputs are wrong as well, the error is about them.
    if outcome.effect is None or outcome.effect != outcome.error:
        return "returns something else than eager mode"
    return f"leaves something else behind than eager mode ({shortened(outcome.effect, LONGEST_ERROR)})"


def overlaps(evidence: Evidence) -> Iterator[str]:
    """A sentence about each two arguments that have memory in common in one of the calls only."""
    for one in evidence.differences:
        if one.aspect is Aspect.ALIASING:
            now, before = map(_lies, (one.serving, one.profile))
            yield f"`{one.path}` {now} in memory at serving, and {before} at profile"


def _lies(value: str) -> str:
    return f"is {value}" if value.startswith("apart") else value


def same_but_for_index(path: str) -> str:
    """Equal for the entries of one list or dict."""
    return _INDEX.sub("[*]", path)


def _natural(guard: ViolatedGuard) -> list[tuple[int, str]]:
    """Layer 2 before layer 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", guard.path)]


def _matter(guards: Sequence[ViolatedGuard]) -> bool:
    return any(guard.matters is not False for guard in guards)


# --- words -------------------------------------------------------------------------------------------------


def place(guard: ViolatedGuard, path: str | None = None) -> str:
    """Where the value is: "argument `x`", "attribute `self.training`", "global `CONFIG.mode`"."""
    if _on_the_stack(guard):
        return "a value from before the graph break"
    if from_before_a_break(guard):
        return f"`{guard.path if path is None else path}` in `{guard.frame}`, behind a graph break,"
    word = {Owner.ARGUMENT: "argument", Owner.MODULE: "attribute", Owner.OBJECT: "attribute", Owner.GLOBAL: "global"}
    if guard.owner is Owner.GLOBAL and guard.condition.subject is Subject.VARIABLE:
        return f"variable `{guard.path if path is None else path}`"
    return f"{word.get(guard.owner, 'value')} `{guard.path if path is None else path}`"


def from_before_a_break(guard: ViolatedGuard) -> bool:
    """Is it no argument of the user's, but what one graph handed to the next one?"""
    return guard.owner is Owner.ARGUMENT and (bool(guard.frame) or _on_the_stack(guard))


def _on_the_stack(guard: ViolatedGuard) -> bool:
    """Has it no name in the user's code?"""
    return guard.condition.subject is Subject.STACK


def shortened(value: str, longest: int = LONGEST_VALUE) -> str:
    """A value as a message shows it: one line, bounded."""
    line = " ".join(value.split())
    return line if len(line) <= longest else f"{line[: longest - 3]}..."


def change(guard: ViolatedGuard) -> str:
    """One sentence: what it was at profile, what it is at serving."""
    before, now, where = shortened(guard.expected), shortened(guard.actual), place(guard)
    if guard.aspect is Aspect.LENGTH:
        return f"{where} has length {before} at profile, {now} at serving"
    if guard.aspect is Aspect.KEYS:
        return f"{where} {_change_of_keys(guard, before, now)}"
    if guard.aspect is Aspect.TYPE:
        types = shortened(guard.expected_type or guard.expected), shortened(guard.actual_type or guard.actual)
        return f"{where} is of type {types[0]} at profile, {types[1]} at serving"
    if guard.aspect is Aspect.PRESENCE and guard.condition.asks is not Asks.GIVEN:
        return f"{where} exists at {'serving' if guard.condition.asks is Asks.NO_ATTRIBUTE else 'profile'} only"
    if guard.aspect is Aspect.IDENTITY:
        return f"{where} is another object at serving than at profile"
    if guard.aspect is Aspect.OTHER:
        return f"{where} does not satisfy `{before}`, which held at profile"
    return f"{where} is {before} at profile, {now} at serving"


def _change_of_keys(guard: ViolatedGuard, before: str, now: str) -> str:
    asks = guard.condition.asks
    if asks is Asks.ORDER:
        return f"is given as keyword {before} at profile, {now} at serving"
    if asks in (Asks.HAS_KEY, Asks.LACKS_KEY):
        absent, present = ("serving", "profile") if asks is Asks.HAS_KEY else ("profile", "serving")
        return f"has no key {guard.condition.key} at {absent} and has it at {present}"
    if asks is Asks.EMPTY:
        return f"is empty at profile and has the keys {now} at serving"
    if asks is Asks.KEY_AT:
        return f"has {before} at profile, {now} at serving"
    return f"has the keys {before} at profile, {now} at serving"


def other_paths(guards: Sequence[ViolatedGuard]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(guard.path for guard in guards))[1:]


def also(guards: Sequence[ViolatedGuard]) -> str:
    """The other places of the same defect, the first ones by name."""
    places = {guard.path: place(guard) if _on_the_stack(guard) else f"`{guard.path}`" for guard in guards}
    others = list(dict.fromkeys(where for path, where in places.items() if path != guards[0].path))
    named = others[:_NAMED_AT_MOST]
    left = len(others) - len(named)
    if left:
        return f"; also {', '.join(named)} and {left} more"
    return f"; also {' and '.join(named)}" if named else ""
