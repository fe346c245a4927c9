"""One case through all passes: what is proved, and that the process is left as it was."""

import random
import warnings

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.errors import TargetError
from steadygraph.model import Kind, Policy, Result, Severity
from steadygraph.torch_private import cache_entries

EVERY_POLICY = (Policy.RECOMPILE, Policy.DROP, Policy.SHAPES_ONLY, Policy.CUDA_GRAPH)


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.register_buffer("seen", torch.zeros(()))
        self.steps = 0

    def forward(self, x, deep=None):
        self.seen.add_(1)
        self.steps += 1
        h = self.layer(x)
        return h if deep is None else h + deep


def call(n, deep=None):
    return (torch.ones(n, 4),), {"deep": deep}


def mark(args, kwargs):
    torch._dynamo.mark_dynamic(args[0], 0)


def case(**changes):
    usual = {
        "build": lambda: Decoder().eval(),
        "profile": lambda: call(8),
        "serving": lambda: {"text": call(5), "image": call(6, torch.ones(6, 4))},
        "context": lambda name: torch.no_grad(),
        "mark": mark,
    }
    return Case(**{**usual, **changes})


class Stateless(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x, deep=None):
        h = self.layer(x)
        return h if deep is None else h + deep


def stateless(**changes):
    return case(**{"build": lambda: Stateless().eval(), **changes})


def outcomes(report, policy, backend=None):
    return {
        s.name: o.result
        for s in report.scenarios
        for o in s.outcomes
        if o.policy is policy and backend in (None, o.backend)
    }


def analyze(one, policies=None, backends=("eager",)):
    return analyze_case(one, Settings(policies=policies, backends=backends))


def test_each_policy_does_what_it_says():
    report = analyze(stateless(), EVERY_POLICY)

    assert outcomes(report, Policy.RECOMPILE) == {
        "profile": Result.SAME,
        "text": Result.SAME,
        "image": Result.RECOMPILES,
    }
    assert outcomes(report, Policy.DROP) == {
        "profile": Result.SAME,
        "text": Result.SAME,
        "image": Result.SILENT_WRONG,
    }
    assert outcomes(report, Policy.SHAPES_ONLY) == outcomes(report, Policy.DROP)
    assert outcomes(report, Policy.CUDA_GRAPH) == {
        "profile": Result.SAME,
        "text": Result.REFUSED,
        "image": Result.REFUSED,
    }


def test_shapes_only_refuses_a_size_that_its_guards_exclude():
    report = analyze(stateless(serving=lambda: {"one": call(1), "five": call(5)}), (Policy.SHAPES_ONLY,))

    assert outcomes(report, Policy.SHAPES_ONLY) == {
        "profile": Result.SAME,
        "one": Result.REFUSED,
        "five": Result.SAME,
    }


def test_the_error_is_how_far_the_result_is_off():
    report = analyze(stateless(serving=lambda: {"image": call(6, torch.full((6, 4), 0.25))}))

    dropped = next(o for o in report.scenarios[1].outcomes if o.policy is Policy.DROP)
    assert dropped.max_abs_error == pytest.approx(0.25)


def test_what_the_graph_lacks_is_named():
    report = analyze(stateless())

    image = report.scenarios[2]
    assert image.graph.missing_inputs == ("deep",)
    assert image.graph.missing_ops == (("add", 1),)


def test_a_repaired_model_has_no_finding_under_any_policy():
    zeros = lambda n: call(n, torch.zeros(n, 4))  # noqa: E731

    def mark_both(args, kwargs):
        for tensor in (*args, kwargs["deep"]):
            torch._dynamo.mark_dynamic(tensor, 0)

    repaired = stateless(
        profile=lambda: zeros(8), serving=lambda: {"text": zeros(5), "image": zeros(8)}, mark=mark_both
    )

    report = analyze(repaired, EVERY_POLICY)

    assert report.findings == ()


def test_inductor_proves_drop_on_the_graph_that_was_captured_once(monkeypatch):
    traced = count_traces(monkeypatch)

    report = analyze(stateless(serving=lambda: {"image": call(8, torch.ones(8, 4))}), backends=("eager", "inductor"))

    assert outcomes(report, Policy.DROP, "inductor") == {"profile": Result.SAME, "image": Result.SILENT_WRONG}
    assert traced() == 2  # the profile graph and the one that the image would have needed


def count_traces(monkeypatch):
    from steadygraph.observe.run.frame_tap import FrameTap

    count = []
    original = FrameTap._compile_graph

    def counting(self, module, example_inputs):
        count.append(module)
        return original(self, module, example_inputs)

    monkeypatch.setattr(FrameTap, "_compile_graph", counting)
    return lambda: len(count)


def test_one_trace_per_distinct_graph_and_none_for_the_policies(monkeypatch):
    traced = count_traces(monkeypatch)
    many = {f"n{n}": call(n) for n in range(2, 11)} | {"image": call(8, torch.ones(8, 4))}

    analyze(stateless(serving=lambda: many), EVERY_POLICY)

    assert traced() == 2


def test_the_same_case_twice_gives_the_same_report():
    first, second = (analyze(case(), EVERY_POLICY) for _ in range(2))

    assert first.scenarios == second.scenarios
    assert first.findings == second.findings
    assert first.regions == second.regions
    assert first.graphs == second.graphs
    assert first.sources == second.sources


def test_state_that_the_policies_see_is_that_of_the_history():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("total", torch.zeros(()))

        def forward(self, x):
            self.total.add_(1)
            return x * self.total

    one = ((torch.ones(2),), {})
    counting = case(build=Counter, profile=lambda: one, serving=lambda: {"a": one, "b": one}, mark=None)

    report = analyze(counting, EVERY_POLICY)

    assert {r for p in EVERY_POLICY for r in outcomes(report, p).values()} == {Result.SAME}
    assert report.findings == ()


def test_dropout_and_random_operators_are_compared_under_one_seed():
    class Noisy(nn.Module):
        def forward(self, x):
            return nn.functional.dropout(x, 0.5, training=True) + torch.rand_like(x)

    one = ((torch.ones(64),), {})
    noisy = case(build=Noisy, profile=lambda: one, serving=lambda: {"again": one}, mark=None)

    report = analyze(noisy)

    assert report.findings == ()


def test_nan_is_equal_to_nan():
    class Nan(nn.Module):
        def forward(self, x):
            return x / 0.0 * 0.0

    one = ((torch.ones(3),), {})

    report = analyze(case(build=Nan, profile=lambda: one, serving=lambda: {"again": one}, mark=None))

    assert report.findings == ()


def test_an_error_that_only_serving_raises_is_a_finding_and_the_rest_is_judged():
    class Strict(Stateless):
        def forward(self, x, deep=None):
            if x.shape[0] > 8:
                raise ValueError(f"{x.shape[0]} rows are too many")
            return super().forward(x, deep)

    report = analyze(stateless(build=Strict, serving=lambda: {"big": call(9), "text": call(5)}))

    assert [(f.scenario, f.kind) for f in report.findings if f.kind is Kind.SERVING_ERROR] == [
        ("big", Kind.SERVING_ERROR)
    ]
    assert outcomes(report, Policy.RECOMPILE)["text"] is Result.SAME


def test_a_profile_call_that_raises_is_the_targets_failure():
    class Broken(nn.Module):
        def forward(self, x, deep=None):
            raise KeyError("weights")

    with pytest.raises(TargetError) as caught:
        analyze(stateless(build=Broken))

    assert str(caught.value).startswith("the profile call raised in eager mode: KeyError: 'weights' (")
    assert caught.value.hint == "make the profile call run first: everything else is compared with it"


def test_fullgraph_turns_a_break_of_the_profile_into_a_finding_and_the_scenarios_are_judged_without_it():
    class Branch(nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    one = ((torch.ones(3),), {})
    broken = case(build=Branch, profile=lambda: one, serving=lambda: {"a": one}, mark=None, compile={"fullgraph": True})

    report = analyze(broken)

    (found,) = (f for f in report.findings if f.scenario == "profile" and f.severity is Severity.ERROR)
    assert (found.kind, found.message) == (
        Kind.GRAPH_BREAK,
        "data-dependent branch, at which torch.compile(fullgraph=True) raises: "
        "`return x + 1 if x.sum() > 0 else x - 1`",
    )
    assert outcomes(report, Policy.RECOMPILE) == {"profile": Result.RAISES, "a": Result.SAME}
    assert report.notes[0] == (
        "torch.compile refuses the profile call with fullgraph=True: the scenarios are judged without it"
    )


@pytest.mark.parametrize("ignored", ["SG401", "SG"])
def test_a_profile_call_that_no_chosen_rule_explains_is_the_targets_failure(ignored):
    class Branch(nn.Module):
        def forward(self, x):
            return x + 1 if x.sum() > 0 else x - 1

    one = ((torch.ones(3),), {})
    broken = case(build=Branch, profile=lambda: one, serving=lambda: {"a": one}, mark=None, compile={"fullgraph": True})

    with pytest.raises(TargetError, match=r"^the profile call raised under torch\.compile: Unsupported: "):
        analyze_case(broken, Settings(ignore=(ignored,)))


# --- the process and the model are left as they were ------------------------------------------------------


def test_the_users_model_is_as_it_was():
    model = Decoder().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    attributes = dict(vars(model))

    analyze(case(build=lambda: model), EVERY_POLICY)

    assert model.training
    assert model.steps == 0
    assert dict(vars(model)) == attributes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_random_generators_grad_mode_warnings_and_dynamo_are_as_they_were():
    torch.manual_seed(3)
    random.seed(3)
    state, python_state = torch.get_rng_state(), random.getstate()
    config = torch._dynamo.config.get_config_copy()
    filters = list(warnings.filters)
    counters = {key: dict(value) for key, value in torch._dynamo.utils.counters.items()}

    analyze(case(), EVERY_POLICY)

    assert torch.equal(torch.get_rng_state(), state)
    assert random.getstate() == python_state
    assert torch._dynamo.config.get_config_copy() == config
    assert torch.is_grad_enabled()
    assert list(warnings.filters) == filters
    assert {key: dict(value) for key, value in torch._dynamo.utils.counters.items()} == counters


def test_code_that_the_user_compiled_keeps_its_entries_and_does_not_compile_again():
    compiled = []

    def backend(module, example_inputs):
        compiled.append(module)
        return module.forward

    @torch.compile(backend=backend)
    def elsewhere(x):
        return x * 2

    model = Stateless().eval()
    own = torch.compile(model, backend=backend)
    with torch.no_grad():
        elsewhere(torch.ones(3))
        own(torch.ones(8, 4))
    entries = len(cache_entries(Stateless.forward.__code__))

    analyze(stateless())
    with torch.no_grad():
        elsewhere(torch.ones(3))
        own(torch.ones(8, 4))

    assert len(compiled) == 2
    assert len(cache_entries(Stateless.forward.__code__)) == entries


def test_nothing_that_was_compiled_for_the_analysis_stays():
    class Fresh(Stateless):
        def forward(self, x, deep=None):
            return self.layer(x) if deep is None else deep

    analyze(stateless(build=Fresh))

    assert cache_entries(Fresh.forward.__code__) == []


def helper(x):
    return x.relu() * 3


def test_an_entry_of_a_function_called_after_a_break_may_stay_only_beside_the_users_own():
    """The documented limit: such a function keeps its own code object, and cannot be cleared without the user's."""

    class Breaks(nn.Module):
        def forward(self, x, deep=None):
            torch._dynamo.graph_break()
            return helper(x)

    user = torch.compile(helper, backend="eager")
    user(torch.ones(2, 2))
    before = len(cache_entries(helper.__code__))

    analyze(stateless(build=Breaks))

    assert len(cache_entries(helper.__code__)) >= before
    user(torch.ones(2, 2))


def test_lazy_modules_are_given_their_parameters_before_anything_is_compared():
    one = ((torch.ones(2, 4),), {})
    lazy = case(
        build=lambda: nn.Sequential(nn.LazyLinear(3)),
        profile=lambda: one,
        serving=lambda: {"again": one},
        mark=None,
    )

    report = analyze(lazy)

    assert report.findings == ()
    assert set(outcomes(report, Policy.DROP).values()) == {Result.SAME}


def test_a_failure_of_an_observer_is_not_put_down_to_the_model(monkeypatch):
    from steadygraph.observe.graphs import graphs

    def broken(graph, names, **_):
        raise ArithmeticError("a bug in an observer")

    monkeypatch.setattr(graphs, "capture", broken)

    with pytest.raises(ArithmeticError, match="a bug in an observer"):
        analyze(stateless())


class Writer(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("cache", torch.zeros(4))

    def forward(self, x, write):
        if write:
            self.cache.copy_(x)
        return x + self.cache.sum()


def writing(**scenarios):
    calls = {name: ((torch.ones(4), write), {}) for name, write in scenarios.items()}
    return Case(build=Writer, profile=lambda: ((torch.ones(4), False), {}), serving=lambda: calls)


@pytest.mark.parametrize("backend", ["eager", "inductor"])
def test_a_write_that_is_lost_is_a_wrong_result_of_its_call_and_of_each_that_goes_on_from_it(backend):
    report = analyze(writing(before=False, writes=True, after=False), (Policy.DROP,), (backend,))

    found = {scenario.name: scenario.outcomes[0] for scenario in report.scenarios}
    assert {name: outcome.result for name, outcome in found.items()} == {
        "profile": Result.SAME,
        "before": Result.SAME,
        "writes": Result.SILENT_WRONG,
        "after": Result.SILENT_WRONG,
    }
    assert found["writes"].effect == "after the call, attribute `self.cache`: 4 of 4 elements differ, largest by 1"
    assert found["after"].since == "attribute `self.cache` is not as in eager mode since writes"
    (wrong, note) = report.findings
    assert (wrong.scenario, str(wrong.severity)) == ("writes", "error")
    assert (note.scenario, str(note.severity)) == ("after", "note")
    assert found["after"].since in note.message


def test_a_cache_that_lies_elsewhere_in_each_call_is_not_written_by_a_captured_graph():
    class Net(nn.Module):
        def forward(self, x, cache):
            cache.copy_(x)
            return x + 1

    def call(value):
        return (torch.full((4,), value), torch.zeros(4)), {}

    one = Case(build=Net, profile=lambda: call(1.0), serving=lambda: {"other": call(2.0)}, cuda_graph=True)

    report = analyze(one, (Policy.RECOMPILE, Policy.DROP, Policy.CUDA_GRAPH))

    found = {outcome.policy: outcome for outcome in report.scenarios[1].outcomes}
    assert [str(outcome.result) for outcome in found.values()] == ["same", "same", "silent-wrong"]
    assert found[Policy.CUDA_GRAPH].effect == ("after the call, argument `cache`: 4 of 4 elements differ, largest by 2")


def one_too_many(module, example_inputs):
    """A back end that is wrong."""
    return lambda *args: tuple(out + 1 for out in module(*args))


class CompilesItsOwn(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Linear(4, 4)
        self.register_buffer("last", torch.zeros(2, 4))
        self.helper = torch.compile(lambda x: x * 2, backend=one_too_many)

    def forward(self, x):
        self.last.copy_(self.helper(x))
        return self.block(x)


def test_what_a_model_compiles_wrongly_by_itself_is_not_taken_for_something_that_eager_mode_leaves_by_chance():
    itself = case(
        build=CompilesItsOwn,
        profile=lambda: ((torch.ones(2, 4),), {}),
        serving=lambda: {"step": ((torch.ones(2, 4),), {})},
        regions=lambda model: [model.block],
        mark=None,
    )

    report = analyze_case(itself, Settings())

    found = {(s.name, o.policy): (o.result, o.max_abs_error) for s in report.scenarios for o in s.outcomes}
    assert found[("step", Policy.DROP)] == (Result.SILENT_WRONG, 1.0)
    assert found[("step", Policy.RECOMPILE)] == (Result.SILENT_WRONG, 1.0)
