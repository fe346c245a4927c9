"""What a rule is: looks at the evidence of one scenario, yields findings.

A rule is one class in one file.  Its docstring is its documentation page, its examples are its tests.  A pack of rules
is a package with a tuple ``RULES``, registered under the entry-point group ``steadygraph.rules``.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from steadygraph.model import Consequence, Evidence, Finding, Kind, Location, Outcome
from steadygraph.model.evidence import consequences

#: A sentence; in pieces, of which those behind the first can be left out where there is little room.
Message = str | tuple[str, ...]

#: The package whose rules are part of steadygraph: they cannot lose their codes to those of another pack, and one that
#: fails is a fault of steadygraph.
BUILT_IN = "steadygraph_rules"

#: The headings that every rule's docstring has, in this order, after its one-line summary.
HEADINGS = ("What it finds", "Why it matters", "How to fix it", "Known limits")


@dataclass(frozen=True, slots=True)
class Example:
    """A small case that shows what a rule finds, or what it leaves alone.

    Args:
        title: A few words.
        case: The text of a case file.
        scenarios: The scenarios in which the rule must report (empty for an example that passes).
        also: Codes of other rules that rightly report in this case too: a second defect, or what comes with this one.
        fix: What the finding says is to be done: its whole sentence.
        fixed: The same case with the fix followed to the letter, once for each way that the sentence offers: this rule
            no longer reports, none but those of ``also`` do, and the results are those of eager mode.
    """

    title: str
    case: str
    scenarios: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    fix: str = ""
    fixed: tuple[str, ...] = ()


class Rule(ABC):
    """Base class of all rules; subclasses set the class variables and write ``check``."""

    code: ClassVar[str]
    #: Reads after the word "allow": *allow none-at-profile*.
    name: ClassVar[str]
    kind: ClassVar[Kind]
    #: A fallback speaks only where no other rule found anything as bad in the same scenario.
    fallback: ClassVar[bool] = False
    flagged: ClassVar[tuple[Example, ...]] = ()
    passed: ClassVar[tuple[Example, ...]] = ()

    @abstractmethod
    def check(self, evidence: Evidence) -> Iterator[Finding]:
        """Yield what is wrong in one scenario; must neither import torch nor change the evidence."""

    def finding(
        self,
        evidence: Evidence,
        message: Message,
        *,
        path: str,
        consequence: Consequence,
        fix: str,
        location: Location | None = None,
        region: str = "",
        profile: str = "",
        serving: str = "",
        also: tuple[str, ...] = (),
        allowed: str | None = None,
        says_change: bool | None = None,
        says_error: str | None = None,
        outcomes: Sequence[Outcome] | None = None,
    ) -> Finding:
        """A finding of this rule.

        Args:
            evidence: The scenario that the finding is about.
            message: One sentence: what, at profile and at serving.  In pieces, as in
                ``("`x` is 1 at profile, 2 at serving", ", and the graph computes with 1")``, it can be shortened.
            path: What the finding is about; the fingerprint rests on it, so it holds no line number.
            consequence: What happens because of it; the severity follows from it.
            fix: One sentence in the imperative.
            location: The line of the model that is the cause.
            region: Name of the compiled module.
            profile: Value at profile.
            serving: Value at serving.
            also: Paths of further violated guards that are the same defect.
            allowed: Why the model's code itself accepts it; None: it does not.
            says_change: Does the message say what changed?  Path and values are told beside it if not.  By default
                that is so if path and values stand in the message as they are.
            says_error: The exception that the message tells, as a whole; by default any that stands in the message.
            outcomes: Those that the finding may be to blame for; by default all of the scenario.
        """
        pieces = clauses(message)
        identity = "\0".join((self.code, evidence.scenario, region, path))
        return Finding(
            rule=self.code,
            name=self.name,
            kind=self.kind,
            severity=consequence.severity,
            scenario=evidence.scenario,
            region=region,
            consequence=consequence,
            message="".join(pieces),
            location=location,
            fix=fix,
            fingerprint=hashlib.sha256(identity.encode("utf-8", "backslashreplace")).hexdigest()[:16],
            path=path,
            profile=profile,
            serving=serving,
            also=also,
            allowed=allowed,
            clauses=pieces[1:] and pieces,
            says_change=says_change,
            says_error=says_error,
            lacks=evidence.graph if evidence.graph.same is False and consequence.shows_in_outcomes else None,
            policies=consequences(evidence.outcomes if outcomes is None else outcomes, consequence)
            if consequence.shows_in_outcomes
            else (),
        )


def clauses(message: Message) -> tuple[str, ...]:
    """The pieces of a message."""
    return (message,) if isinstance(message, str) else tuple(piece for piece in message if piece)


def spread(message: Message, regions: int) -> tuple[str, ...]:
    """The message of a finding that was made in so many regions: twelve equal blocks have one defect."""
    *others, last = clauses(message)
    return (*others, last if regions < 2 else f"{last} (in {regions} regions)")
