"""What a violated guard asks for: torch compiles, something is changed by hand, and the condition names what it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steadygraph.model import Asks, Condition, Subject, Term, ViolatedGuard
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state

STEP = 1


class Model(nn.Module):
    """Runs any function as its forward."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function
        self.scale: Any = 2

    def forward(self, x: Tensor, value: Any = None) -> Tensor:
        return self.function(self, x, value)


def violated(
    function: Callable[..., Tensor],
    profile: tuple[Any, ...],
    serving: tuple[Any, ...],
    *,
    change: Callable[[Model], object] = lambda model: None,
    dynamic: bool | None = False,
) -> list[ViolatedGuard]:
    with own_dynamo_state():
        session = CompileSession([("", model := Model(function))], options={"dynamic": dynamic}, backends={})
        with session.guards_kept(), session.calling():
            model(*profile)
            session.start("serving")
            change(model)
            model(*serving)
        session.close()
    return list(session.observations[-1].violated_guards)


X = torch.ones(3, 4)


def chooses(model: Model, x: Tensor, value: Any) -> Tensor:
    return x + 1 if value else x * 2


def adds(model: Model, x: Tensor, value: Any) -> Tensor:
    return x if value is None else x + value


def is_none(model: Model, x: Tensor, value: Any) -> Tensor:
    return x + 1 if value is None else x * 2


def looks_up(model: Model, x: Tensor, value: Any) -> Tensor:
    return x + 1 if "mask" in value else x * 2


def sums(model: Model, x: Tensor, value: dict[str, int]) -> Tensor:
    for name, number in value.items():
        x = x + number * len(name)
    return x


def calls(model: Model, x: Tensor, value: Callable[[Tensor], Tensor]) -> Tensor:
    return value(x)


@pytest.mark.parametrize(
    ("function", "profile", "serving", "asks"),
    [
        pytest.param(is_none, None, X, [Asks.IS_NONE], id="None"),
        pytest.param(adds, X, None, [Asks.TENSOR], id="a tensor, and gets None"),
        pytest.param(chooses, True, False, [Asks.VALUE], id="bool"),
        pytest.param(chooses, "fast", "", [Asks.VALUE], id="str"),
        pytest.param(chooses, [1], (1,), [Asks.TYPE], id="type"),
        pytest.param(chooses, [1], [1, 2], [Asks.LENGTH], id="length"),
        pytest.param(sums, {"a": 1}, {"b": 1}, [Asks.KEYS], id="keys"),
        pytest.param(calls, torch.sin, torch.cos, [Asks.IDENTITY], id="object"),
        pytest.param(adds, X, X.double(), [Asks.DTYPE], id="dtype"),
        pytest.param(adds, X, X.clone().requires_grad_(), [Asks.REQUIRES_GRAD], id="requires_grad"),
        pytest.param(adds, X, nn.Parameter(X, requires_grad=False), [Asks.CLASS], id="class of a tensor"),
        pytest.param(adds, X, X[0], [Asks.RANK], id="rank"),
        pytest.param(adds, X, X[:1], [Asks.SIZE], id="size"),
        pytest.param(adds, X, torch.ones(4, 3).t(), [Asks.STRIDE, Asks.STRIDE], id="stride"),
    ],
)
def test_the_condition_on_one_value_names_what_was_changed(
    function: Callable[..., Tensor], profile: object, serving: object, asks: list[Asks]
) -> None:
    found = violated(function, (X.clone(), profile), (X.clone(), serving))

    assert [guard.condition for guard in found] == [Condition(each) for each in asks]


@pytest.mark.parametrize(
    ("profile", "serving", "asks"),
    [({}, {"mask": 1}, Asks.LACKS_KEY), ({"mask": 1}, {}, Asks.HAS_KEY)],
    ids=["appears", "is gone"],
)
def test_a_key_that_the_code_looks_for_is_named(profile: object, serving: object, asks: Asks) -> None:
    found = violated(looks_up, (X, profile), (X, serving))

    assert Condition(asks, key="'mask'") in [guard.condition for guard in found]


def test_a_device_is_asked_for() -> None:
    def looks(model: Model, x: Tensor, value: None) -> Tensor:
        return x + 1

    (guard,) = violated(looks, (X,), (X.to("meta"),))

    assert guard.condition == Condition(Asks.DEVICE)


def reads_scale(model: Model, x: Tensor, value: None) -> Tensor:
    return x * model.scale if hasattr(model, "scale") else x


def test_an_attribute_that_goes_is_told_as_one_that_has_to_be_there() -> None:
    found = violated(reads_scale, (X,), (X,), change=lambda model: delattr(model, "scale"))

    assert [guard.condition.asks for guard in found] == [Asks.PRESENCE]


def reads_extra(model: Model, x: Tensor, value: None) -> Tensor:
    return x * 2 if hasattr(model, "extra") else x + 1


def test_an_attribute_that_appears_is_told_as_one_that_must_not_be_there() -> None:
    found = violated(reads_extra, (X,), (X,), change=lambda model: setattr(model, "extra", 1))

    assert [guard.condition.asks for guard in found] == [Asks.NO_ATTRIBUTE]


# --- between values ------------------------------------------------------------------------------------------


def branches(model: Model, x: Tensor, value: None) -> Tensor:
    return x * 2 if x.shape[0] <= 8 else x * 3


def counts(model: Model, x: Tensor, value: int) -> Tensor:
    return x * 2 if value > 3 else x


@pytest.mark.parametrize(
    ("function", "profile", "serving", "expected"),
    [
        pytest.param(
            branches,
            (torch.ones(5),),
            (torch.ones(1),),
            Condition(Asks.SIZE_FROM_TWO, terms=(Term("x.shape[0]", "1", 0),)),
            id="below a range",
        ),
        pytest.param(
            branches,
            (torch.ones(5),),
            (torch.ones(12),),
            Condition(Asks.SIZE_RELATION, terms=(Term("x.shape[0]", "12", 0),)),
            id="above a range",
        ),
        pytest.param(
            counts,
            (torch.ones(5), 7),
            (torch.ones(5), 2),
            Condition(Asks.NUMBER_RELATION, terms=(Term("value", "2"),)),
            id="number",
        ),
        pytest.param(
            lambda model, x, value: x.sum() + value.sum(),
            (torch.ones(5), torch.ones(5)),
            (torch.ones(5), torch.ones(7)),
            Condition(
                Asks.EQUAL_SIZES, terms=(Term("value.shape[0]", "7", 0), Term("x.shape[0]", "5", 0)), by_chance=True
            ),
            id="equal by chance",
        ),
    ],
)
def test_a_relation_names_its_terms_with_their_values_at_serving(
    function: Callable[..., Tensor], profile: tuple[Any, ...], serving: tuple[Any, ...], expected: Condition
) -> None:
    found = violated(function, profile, serving, dynamic=True)

    assert [guard.condition for guard in found] == [expected]
    assert found[0].condition.is_relation


def test_sizes_that_the_code_adds_up_are_equal_on_purpose() -> None:
    x, y = torch.ones(5), torch.ones(5)
    for each in (x, y):
        torch._dynamo.maybe_mark_dynamic(each, 0)  # two symbols, whatever their sizes

    found = violated(adds, (x, y), (torch.ones(7), torch.ones(1)), dynamic=None)

    assert [(guard.condition.asks, guard.condition.by_chance) for guard in found] == [(Asks.SIZE_FROM_TWO, False)]


def test_two_inputs_that_were_one_object_and_two_that_become_one() -> None:
    x, y = torch.ones(3), torch.ones(3)

    (parted,) = violated(adds, (x, x), (x, y))
    (joined,) = violated(adds, (x, y), (x, x))

    assert (parted.condition.asks, joined.condition.asks) == (Asks.SAME_OBJECT, Asks.ALIASING)


# --- what the value is -----------------------------------------------------------------------------------------


def reads_global(model: Model, x: Tensor, value: None) -> Tensor:
    return x * STEP


def test_a_global_name_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    change = lambda model: monkeypatch.setitem(globals(), "STEP", 5)  # noqa: E731

    (guard,) = violated(reads_global, (X,), (X,), change=change)

    assert guard.condition == Condition(Asks.VALUE, Subject.GLOBAL_NAME)


def breaks(model: Model, x: Tensor, value: int) -> Tensor:
    return x * value + hand_on(value)


def hand_on(value: int) -> float:
    torch._dynamo.graph_break()
    return value * 0.5


def test_a_value_that_lay_on_the_stack_at_a_graph_break_is_told() -> None:
    found = violated(breaks, (X, 2), (X, 4))

    assert Condition(Asks.VALUE, Subject.STACK) in [guard.condition for guard in found]


def test_process_wide_state_is_told() -> None:
    def sets(model: Model) -> None:
        torch.set_grad_enabled(False)

    try:
        found = violated(reads_scale, (X,), (X,), change=sets)
    finally:
        torch.set_grad_enabled(True)

    assert [guard.condition for guard in found] == [Condition(Asks.STATE)]
