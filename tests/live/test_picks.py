"""The stance ``skip_guard_eval_unsafe``: which entry answers, and whether it is the right one."""

from __future__ import annotations

import pytest
import torch
from tests.live.model import decoder

from steadygraph import watch
from steadygraph.model import Policy, Result

pytestmark = pytest.mark.usefixtures("nothing_compiled")

X, IMAGE = torch.ones(3, 4), {"d0": torch.ones(4)}


def test_what_no_entry_was_compiled_for_is_told_with_the_entry_that_answered() -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True)

    with watch(tell=[].append) as watching:
        compiled(X)
        with torch.compiler.set_stance(skip_guard_eval_unsafe=True):
            results = [compiled(X, IMAGE) for _ in range(3)]

    assert not any(torch.equal(result, model(X, IMAGE)) for result in results)
    (finding,) = (f for f in watching.findings if f.severity.value != "note")
    assert (finding.rule, finding.scenario, finding.severity.value) == ("SG101", "serving-1", "error")
    outcome = watching.report().outcome("serving-1", Policy.DROP)
    assert (outcome.result, outcome.predicted) == (Result.UNPROVED, Result.SILENT_WRONG)
    calls = {call.name: call.seen.calls for call in watching.recording().calls if call.seen}
    assert calls == {"profile": 1, "serving-1": 3}
    assert [note for note in watching.recording().notes if "answered" in note] == [
        "serving-1: under skip_guard_eval_unsafe the entry 0/0 answered, whose guards do not hold: of no entry all do"
    ]


def test_an_entry_that_is_right_is_no_finding() -> None:
    model = decoder()
    compiled = torch.compile(model, backend="eager", dynamic=True)

    with watch(tell=[].append) as watching:
        compiled(X)
        compiled(X, IMAGE)
        watching.serving_starts()
        with torch.compiler.set_stance(skip_guard_eval_unsafe=True):
            results = [compiled(X), compiled(X, IMAGE)] * 2

    expected = [model(X), model(X, IMAGE)] * 2
    assert all(torch.equal(one, other) for one, other in zip(results, expected, strict=True))
    assert [finding for finding in watching.findings if finding.severity.value != "note"] == []
    assert not [note for note in watching.recording().notes if "answered" in note]


def test_asking_changes_nothing_of_what_dynamo_asks_later() -> None:
    def picked(watched: bool) -> list[torch.Tensor]:
        torch.compiler.reset()
        model = decoder()
        compiled = torch.compile(model, backend="eager", dynamic=True)

        def serve() -> list[torch.Tensor]:
            results = [compiled(X)]
            with torch.compiler.set_stance(skip_guard_eval_unsafe=True):
                results.append(compiled(X, IMAGE))
            model.doubled = True
            results.append(compiled(X))
            with torch.compiler.set_stance(skip_guard_eval_unsafe=True):
                results += [compiled(X, IMAGE), compiled(X)]
                model.doubled = False
                return [*results, compiled(X, IMAGE), compiled(X)]

        if not watched:
            return serve()
        with watch(tell=[].append):
            return serve()

    assert all(torch.equal(one, other) for one, other in zip(picked(False), picked(True), strict=True))
