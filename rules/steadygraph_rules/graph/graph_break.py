from __future__ import annotations

from collections.abc import Iterator, Sequence

from steadygraph.model import (
    PROFILE,
    BreakReason,
    Consequence,
    Evidence,
    Finding,
    GraphBreak,
    Kind,
    Observation,
    Refusal,
    Waived,
)
from steadygraph.rule import Example, Message, Rule, spread
from steadygraph_rules.graph import entries
from steadygraph_rules.guard_rule import LONGEST_ERROR, shortened

_FIXES = {
    BreakReason.DATA_DEPENDENT_BRANCH: (
        "Write the branch as data (torch.where, torch.cond), or move it out of the region."
    ),
    BreakReason.DATA_DEPENDENT_OPERATOR: (
        "Keep the value in a tensor, or compute it before the compiled region and pass it in as a tensor."
    ),
    BreakReason.UNSUPPORTED_CALL: "Move the call out of the compiled region, or wrap it as a custom operator.",
    BreakReason.NO_FAKE_IMPLEMENTATION: 'Tell what its result looks like: @torch.library.register_fake("{operator}").',
    BreakReason.DISABLED_FUNCTION: "Call the function outside of the compiled region, or allow it to be compiled.",
    BreakReason.RECOMPILE_LIMIT: "Remove what makes the frame compile again and again.",
    BreakReason.SKIPPED_FRAME: "Rewrite what Dynamo cannot trace, or move it out of the compiled region.",
    BreakReason.OTHER: "Rewrite what Dynamo cannot trace, or move it out of the compiled region.",
}
#: What nothing but the construct itself speaks against may be done earlier, where a decorator does it.
_OF_DECORATOR = {
    reason: "Call the model once like this before it is compiled, if the decorator does so at the first call only; "
    "otherwise move what it does out of the compiled region."
    for reason in (BreakReason.UNSUPPORTED_CALL, BreakReason.SKIPPED_FRAME, BreakReason.OTHER)
}

_BRANCH = """
import torch
from torch import nn

class Rope(nn.Module):
    def forward(self, x, positions):
        if torch.max(positions) > 16:
            x = x * 0.5
        return x * positions

def build():
    return Rope()

def profile():
    return (torch.ones(4), torch.arange(4)), {}

def serving():
    return {"again": ((torch.ones(4), torch.arange(4)), {})}
"""

_IF = """if torch.max(positions) > 16:
            x = x * 0.5"""

_WHERE = _BRANCH.replace(_IF, "x = torch.where(torch.max(positions) > 16, x * 0.5, x)")

_COND = _BRANCH.replace(
    _IF, "far = torch.max(positions) > 16\n        x = torch.cond(far, lambda x: x * 0.5, lambda x: x.clone(), (x,))"
)

_NO_DATA = """
import torch
from torch import nn

class Rope(nn.Module):
    def forward(self, x, positions):
        if x.dim() > 1:
            x = x[0]
        return x * positions

def build():
    return Rope()

def profile():
    return (torch.ones(4), torch.arange(4)), {}

def serving():
    return {"again": ((torch.ones(4), torch.arange(4)), {})}
"""


class GraphBreakRule(Rule):
    """A place at which Dynamo could not go on and split the graph.

    What it finds:
        Graph breaks of the profile call and of each scenario, with reason and line, and into how many graphs the
        region falls.  One with which ``torch.compile`` refuses the profile call is an error.

    Why it matters:
        Between two graphs Python runs, nothing is fused and the host waits for values; a CUDA graph cannot be
        captured across it, and ``fullgraph=True`` raises.

    How to fix it:
        Turn a branch on data into ``torch.where`` or ``torch.cond``; keep values on the device in place of
        ``.item()``; move unsupported calls out of the region or wrap them as custom operators.  What a decorator does
        at the first call only (it installs hooks, it takes a lock) is done before compilation by one call in eager
        mode.

    Known limits:
        A recompile limit that was reached because guards were violated is reported by the rule about those guards.
    """

    code = "SG401"
    name = "graph-break"
    kind = Kind.GRAPH_BREAK
    flagged = (
        Example(
            "a branch on data",
            _BRANCH,
            ("profile", "again"),
            also=("SG402",),
            fix="Write the branch as data (torch.where, torch.cond), or move it out of the region.",
            fixed=(_WHERE, _COND),
        ),
    )
    passed = (Example("a branch that no data decides", _NO_DATA),)

    def check(self, evidence: Evidence) -> Iterator[Finding]:
        refused = {_cause(one): (one, refusal) for refusal in evidence.refusals for one in refusal.breaks}
        for cause, (one, refusal) in refused.items():
            yield self.finding(
                evidence,
                _refused(one, refusal),
                path=cause,
                consequence=Consequence.RAISES,
                fix=_fix(one),
                location=one.from_model or one.location,
                says_error=str(evidence.refusals[0].error),
            )
        found: dict[str, list[tuple[GraphBreak, Observation]]] = {}
        for observation in _observations(evidence):
            for one in dict.fromkeys((*observation.breaks, *_inherited(observation, evidence))):
                if not _follows(one, observation, evidence) and _cause(one) not in refused:
                    found.setdefault(_cause(one), []).append((one, observation))
        for cause, places in found.items():
            # Frames that Dynamo gave up on lie within each other: the innermost one, tried last, is the cause.
            one, observation = places[-1] if cause == BreakReason.SKIPPED_FRAME else places[0]
            others = {seen for seen, _ in places} - {one}
            yield self.finding(
                evidence,
                spread(_message(one, observation, len(others)), len({place.region for _, place in places})),
                path=cause,
                consequence=Consequence.SLOW,
                fix=_fix(one),
                location=one.from_model or one.location,
                region=observation.region,
            )


def _follows(one: GraphBreak, observation: Observation, evidence: Evidence) -> bool:
    """Does something else explain it: guards that were violated again and again, or an error of eager mode itself?

    Those that one call violates itself are repeated-compilation.
    """
    if one.reason is BreakReason.RECOMPILE_LIMIT:
        return bool(evidence.violated_guards) or entries.reached_limit(one, evidence.profile)
    raised = observation.error is not None and evidence.eager_error is not None
    return raised and one.reason in (BreakReason.SKIPPED_FRAME, BreakReason.OTHER)


def _observations(evidence: Evidence) -> Sequence[Observation]:
    return evidence.profile if evidence.scenario == PROFILE else evidence.serving


def _inherited(observation: Observation, evidence: Evidence) -> Sequence[GraphBreak]:
    """A call that compiled nothing and violated nothing ran what the profile call compiled, breaks included."""
    if observation.recompiles or observation.first_compiles or observation.violated_guards or observation.error:
        return ()
    return [one for before in evidence.profile if before.region == observation.region for one in before.breaks]


def _cause(one: GraphBreak) -> str:
    """Without the line number: a finding must not be a new one because a line was added above."""
    if one.reason is BreakReason.SKIPPED_FRAME:
        return one.reason
    if one.location is None:
        return f"{one.reason}: {one.detail}"
    return f"{one.reason}: {one.location.function}: {one.location.text or ''}"


def _fix(one: GraphBreak) -> str:
    of_decorator = _OF_DECORATOR.get(one.reason) if one.from_model is not None else None
    return of_decorator or _FIXES[one.reason].format(operator=one.detail)


def _refused(one: GraphBreak, refusal: Refusal) -> Message:
    what = f"{one.reason} ({one.detail})" if one.reason is BreakReason.NO_FAKE_IMPLEMENTATION else one.reason
    how = f"torch.compile({refusal.waived})" if refusal.waived is Waived.FULLGRAPH else "torch.compile"
    text = f": `{shortened(one.location.text)}`" if one.location and one.location.text else ""
    return what, f", at which {how} raises", text


def _message(one: GraphBreak, observation: Observation, others: int) -> Message:
    graphs = len(observation.graphs)
    parts = f" into {graphs} graphs" if graphs > 1 else ""
    if one.reason is BreakReason.SKIPPED_FRAME:
        function = f"`{one.location.function}`" if one.location else "a function"
        run = f" and {others} {'callers' if others > 1 else 'caller'} run" if others else " runs"
        return f"{function}{run} eagerly", f": {shortened(one.detail, LONGEST_ERROR)}"
    splits = f", which breaks the region{parts}"
    if one.location is None:
        return one.reason, splits, f": {shortened(one.detail, LONGEST_ERROR)}"
    text = f": `{shortened(one.location.text)}`" if one.location.text else ""
    if one.from_model is not None:
        text += f" in `{one.location.function}`"
    if one.reason is BreakReason.NO_FAKE_IMPLEMENTATION:
        return f"{one.reason} ({one.detail})", splits, text
    return one.reason, splits, text
