"""Is a compiled call wrong because the code takes another path where it is being compiled?

The proof is eager mode itself: it is run once more, with the answer of a compiled call to the question whether the code
is being compiled.  If it then does what the compiled call did, nobody but that line is to blame.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from steadygraph import torch_private
from steadygraph.model import Location, Outcome, Policy, Result
from steadygraph.observe.places import askers
from steadygraph.policies import proof
from steadygraph.policies.bench import Bench
from steadygraph.policies.effects import Comparer
from steadygraph.policies.runs import EAGER, CallResult, lefts, outcome, run_eager

#: So many lines are tried one by one; of more, all are named.
_TRIED_AT_MOST = 8


def explained(bench: Bench, outcomes: Mapping[str, Outcome], results: Mapping[str, CallResult]) -> dict[str, Outcome]:
    """The same outcomes; those that such lines explain name them.

    Args:
        bench: Gives eager mode, and the lines that ask.
        outcomes: Of each call, by its name.
        results: What the outcomes were made of.
    """
    wrong = [name for name, found in outcomes.items() if _is_wrong(found) and _is_wrong(_with_guards(bench, name))]
    lines = {name: _asking(bench, name) for name in wrong}
    asked = tuple(dict.fromkeys(line for found in lines.values() for line in found))
    if not asked:
        return dict(outcomes)
    to_blame = {name: lines[name] for name in _alike(bench, asked, results) if lines.get(name)}
    for line in asked if 1 < len(asked) <= _TRIED_AT_MOST and to_blame else ():
        to_blame |= {name: (line,) for name in _alike(bench, (line,), results) if line in to_blame.get(name, ())}
    return {name: replace(found, compiled_branch=to_blame.get(name, ())) for name, found in outcomes.items()}


def _is_wrong(found: Outcome) -> bool:
    return found.result in (Result.SILENT_WRONG, Result.RAISES)


def _with_guards(bench: Bench, call: str) -> Outcome:
    """Where guards are kept, such a line makes a call wrong as well."""
    return outcome(Policy.RECOMPILE, EAGER, bench.eager[call], bench.kept[call])


def _asking(bench: Bench, call: str) -> tuple[Location, ...]:
    asked = (place for one in bench.session.observations if one.call == call for place in one.compile_questions)
    return tuple(dict.fromkeys(asked))


def _alike(bench: Bench, lines: Sequence[Location], results: Mapping[str, CallResult]) -> Iterator[str]:
    """The calls in which eager mode does what these results are, if these lines get the answer of a compiled call."""
    places = {(line.path, line.line) for line in lines}
    bench.state.restore()
    with torch_private.compile_questions_answered(lambda: askers.running() in places):
        eager = run_eager(bench.case, bench.model, watch=Comparer(lefts(bench.eager)))
    return (name for name, result in results.items() if _same(eager[name], result))


def _same(eager: CallResult, result: CallResult) -> bool:
    if eager.failure is not None or result.failure is not None:
        failures = [one.failure and (one.failure.type, one.failure.message) for one in (eager, result)]
        return failures[0] == failures[1]
    if eager.output is None or result.output is None or not proof.compare(eager.output, result.output).equal:
        return False
    return {effect.place for effect in eager.effects.wrong} >= {effect.place for effect in result.effects.wrong}
