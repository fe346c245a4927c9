"""Inputs that differ from pass to pass are the case's fault, and a model whose results do is told as that."""

from __future__ import annotations

import os
import random
import time

import numpy as np
import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine import same_inputs
from steadygraph.engine.engine import analyze_case
from steadygraph.errors import CaseError
from steadygraph.model import Policy, Result

SEED = (
    "\n  hint: return equal values each time: torch, random and numpy are seeded before it is called; "
    "seed a generator of your own inside of it, and fill what torch.empty made"
)
COPY = "\n  hint: the model writes into what it returns each time: return a new one, or a copy, as in x.clone()"
DRAWN = torch.Generator()
ARRAYS = np.random.default_rng()


class Net(nn.Module):
    def forward(self, x, *more, mask=None, **options):
        return x * 2 if mask is None else x * mask


def chance():
    return int.from_bytes(os.urandom(4), "little")


def fresh():
    """Numbers that no seed of the process decides."""
    return torch.randn(2, 3, generator=torch.Generator().manual_seed(chance()))


def alternating(*values):
    """Each in its turn; a generator cannot be put back."""

    def turns():
        while True:
            yield from values

    return turns().__next__


def analysed(profile=lambda: ((torch.ones(2, 3),), {}), serving=lambda: {"a": ((torch.ones(2, 3),), {})}, build=Net):
    return analyze_case(Case(build=build, profile=profile, serving=serving, source="case.py"), Settings())


def other_scenarios():
    turn = alternating("a", "b")
    return lambda: {turn(): ((torch.ones(2),), {})}


sizes, lengths, permutations = alternating(2, 3), alternating([1], [1, 2]), alternating([0, 1, 2], [2, 0, 1])
kinds = alternating(torch.float32, torch.float16)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        (lambda: ((fresh(),), {}), "argument `x`"),
        (lambda: ((torch.ones(2), {"deep": [fresh()]}), {}), "argument `more[0]['deep'][0]`"),
        (lambda: ((torch.ones(2),), {"mask": fresh().numpy()}), "argument `mask`"),
        (lambda: ((torch.ones(2),), {"rows": torch.tensor(permutations())}), "argument `rows`"),
        (lambda: ((torch.ones(sizes()),), {}), "argument `x.shape[0]` is 2, then 3"),
        (lambda: ((torch.ones(2, dtype=kinds()),), {}), "argument `x.dtype` is torch.float32, then torch.float16"),
        (lambda: ((torch.ones(2), lengths()), {}), "argument `more[0]` is 1 item, then 2 items"),
    ],
)
def test_a_profile_call_with_other_arguments_in_another_pass_is_refused(profile, said):
    with pytest.raises(CaseError) as caught:
        analysed(profile)

    assert str(caught.value) == f"profile() of case.py returned other values the second time: {said}{SEED}"


def test_a_number_that_differs_is_told_with_both_values():
    numbers = alternating(3, 5)

    with pytest.raises(CaseError, match=r"second time: argument `n` is 3, then 5\n"):
        analysed(lambda: ((torch.ones(2),), {"n": numbers()}))


def test_a_serving_call_is_told_with_its_scenario():
    with pytest.raises(CaseError) as caught:
        analysed(serving=lambda: {"a": ((torch.ones(2),), {}), "b": ((torch.ones(2),), {"mask": fresh()})})

    said = "serving() of case.py returned other values the second time: argument `mask` of scenario 'b'"
    assert str(caught.value) == said + SEED


def test_other_scenarios_are_told_by_their_names():
    with pytest.raises(CaseError) as caught:
        analysed(serving=other_scenarios())

    assert str(caught.value) == f"serving() of case.py returned other values the second time: scenarios a, then b{SEED}"


def test_other_arguments_are_told_by_their_names():
    names = alternating("one", "other")

    with pytest.raises(CaseError, match="second time: arguments x, one, then x, other\n"):
        analysed(lambda: ((torch.ones(2),), {names(): 1}))


def test_one_tensor_that_the_model_writes_into_is_told_as_that():
    class Writes(nn.Module):
        def forward(self, x):
            return x.add_(1)

    same = alternating(torch.zeros(3))

    with pytest.raises(CaseError) as caught:
        analysed(lambda: ((same(),), {}), build=Writes)

    assert str(caught.value) == f"profile() of case.py returned other values the third time: argument `x`{COPY}"


@pytest.mark.parametrize("place", [0, -1])
def test_of_a_large_tensor_both_ends_are_looked_at(monkeypatch, place):
    monkeypatch.setattr(same_inputs, "WHOLE_BYTES", 64)

    def large():
        x = torch.zeros(1000)
        x[place] = chance()
        return (x,), {}

    with pytest.raises(CaseError, match="second time: argument `x`\n"):
        analysed(large)


ONE = torch.ones(2, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        lambda: ((torch.randn(2, 3),), {"mask": torch.rand(2, 3)}),
        lambda: ((torch.full((2, 3), random.random()),), {"mask": torch.tensor(np.random.rand(2, 3))}),
        # What the case holds is put back between the passes.
        lambda: ((torch.randn(2, 3, generator=DRAWN),), {"mask": torch.tensor(ARRAYS.random((2, 3)))}),
        lambda: ((ONE,), {"mask": ONE}),
        lambda: ((torch.full((2, 3), torch.nan),), {"scale": float("nan"), "objects": np.array([object()])}),
        lambda: ((torch.eye(3).to_sparse(),), {}),
        lambda: ((torch.ones(2, 3, device="meta"),), {}),
    ],
)
def test_what_is_equal_in_every_pass_is_accepted(arguments):
    report = analysed(arguments, lambda: {"a": arguments()})

    assert [scenario.name for scenario in report.scenarios] == ["profile", "a"]


class Noisy(nn.Module):
    """Its result depends on nothing that could be seeded."""

    @torch.compiler.disable
    def noise(self):
        return torch.tensor(float(chance()))

    def forward(self, x, mask=None):
        y = x if mask is None else x * mask
        return {"y": y + 1, "when": self.noise()}


def outcomes(report, policy=Policy.DROP):
    return {s.name: one for s in report.scenarios for one in s.outcomes if one.policy is policy}


UNREPEATABLE = "eager mode gives two results in two runs"


def test_a_model_that_does_not_repeat_is_not_taken_for_a_wrong_policy():
    report = analysed(build=Noisy)

    found = outcomes(report)["a"]
    assert (found.result, found.error) == (Result.UNPROVED, f"{UNREPEATABLE}: output['when']")
    assert report.notes[-1] == (
        f"a: {UNREPEATABLE} (output['when']); a policy that differs there is not taken for wrong"
    )
    assert {finding.rule for finding in report.findings} == {"SG401"}


def test_what_a_policy_gets_wrong_elsewhere_in_the_result_counts():
    report = analysed(serving=lambda: {"masked": ((torch.ones(2, 3), torch.zeros(2, 3)), {})}, build=Noisy)

    found = outcomes(report)["masked"]
    assert (found.result, found.max_abs_error) == (Result.SILENT_WRONG, 1.0)


def test_a_model_that_raises_by_chance_is_not_taken_for_a_wrong_policy():
    turn = alternating(False, False, False, True, True, True)

    class Fails(nn.Module):
        @torch.compiler.disable
        def check(self):
            if turn():
                raise RuntimeError("out of luck")

        def forward(self, x):
            self.check()
            return x * 2

    report = analysed(build=Fails)

    assert {one.result for one in outcomes(report, Policy.RECOMPILE).values()} == {Result.SAME, Result.UNPROVED}


def test_a_clock_among_the_results_is_chance_too():
    class Stamped(nn.Module):
        @torch.compiler.disable
        def now(self):
            return time.perf_counter()

        def forward(self, x):
            return x * 2, self.now()

    report = analysed(build=Stamped)

    assert outcomes(report)["a"].error == f"{UNREPEATABLE}: output[1]"
