"""Building the model of a case and asking it for calls and regions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from steadygraph.case.case import (
    Call,
    Case,
    build_model,
    check_signature,
    load,
    opened,
    profile_call,
    region_modules,
    serving_calls,
)
from steadygraph.errors import CaseError, TargetError


class Block(nn.Module):
    def forward(self, x: Tensor, scale: float = 1.0, *, mask: Tensor | None = None) -> Tensor:
        return x * scale


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = Block()
        self.layers = nn.ModuleList([Block(), Block()])
        self.layers.append(self.first)

    def forward(self, x: Tensor) -> Tensor:
        return self.first(x)  # type: ignore[no-any-return]


def case(**fields: Any) -> Case:
    whole: dict[str, Any] = {"build": Block, "profile": lambda: ((1,), {}), "serving": lambda: {"a": ((), {})}}
    return Case(**{**whole, **fields}, source="case.py")


def complaint(action: Callable[[], object], kind: type[Exception] = CaseError) -> str:
    with pytest.raises(kind) as caught:
        action()
    return str(caught.value)


# --- the model ---------------------------------------------------------------------------------------------


def test_the_model_is_built_anew_each_time() -> None:
    one = case()

    first, second = build_model(one), build_model(one)

    assert type(first) is Block
    assert first is not second


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: None, "build() of case.py returned None, not a torch.nn.Module\n  hint: return the model itself"),
        (
            lambda: torch.ones(1),
            "build() of case.py returned a Tensor, not a torch.nn.Module\n  hint: return the model itself",
        ),
        (
            lambda: Block,
            "build() of case.py returned the class Block, not a model\n  hint: return an instance: Block(...)",
        ),
    ],
    ids=["None", "Tensor", "class"],
)
def test_a_model_that_is_no_module_is_refused(build: Callable[[], object], said: str) -> None:
    assert complaint(lambda: build_model(case(build=build))) == said


def wrapped() -> Any:
    return torch.compile(Block(), backend="eager")


def compiled_in_place() -> nn.Module:
    model = Block()
    model.compile(backend="eager")
    return model


def with_compiled_forward() -> nn.Module:
    model = Block()
    model.forward = torch.compile(model.forward, backend="eager")  # type: ignore[method-assign]
    return model


@pytest.mark.parametrize("build", [wrapped, compiled_in_place, with_compiled_forward])
def test_a_compiled_model_is_refused(build: Callable[[], nn.Module]) -> None:
    said = complaint(lambda: build_model(case(build=build)))

    assert said == (
        "the model that build() of case.py returned is already wrapped by torch.compile\n"
        "  hint: leave torch.compile out: steadygraph compiles the plain module itself"
    )


def test_a_forward_that_is_kept_out_of_compilation_is_not_compiled() -> None:
    class Eager(nn.Module):
        @torch.compiler.disable
        def forward(self, x: Tensor) -> Tensor:
            return x

    model = build_model(case(build=Eager))

    assert type(model) is Eager


def test_a_build_that_raises_is_the_targets_fault() -> None:
    def build() -> nn.Module:
        raise ValueError("no width\n\nand much more")

    said = complaint(lambda: build_model(case(build=build)), TargetError)

    line = build.__code__.co_firstlineno + 1
    assert said == (
        f"build() of case.py raised ValueError: no width (tests/test_case_calls.py:{line})\n"
        "  hint: set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"
    )


def test_a_build_that_runs_out_of_memory_is_told() -> None:
    def build() -> object:
        return bytearray(1 << 60)

    said = complaint(lambda: build_model(case(build=build)), TargetError)

    line = build.__code__.co_firstlineno + 1
    assert said == (
        f"build() of case.py ran out of memory (tests/test_case_calls.py:{line})\n"
        "  hint: use a smaller configuration of the model"
    )


def test_a_build_that_ignores_the_named_class_is_told(write_case: Callable[..., Any]) -> None:
    file = write_case("""
        from torch import nn
        class Wanted(nn.Module): pass
        class Other(nn.Module): pass
        def build(): return nn.Sequential(Other())
        def profile(): return (), {}
        def serving(): return {"a": ((), {})}
    """)

    with opened(f"{file}:Wanted") as loaded:
        said = complaint(lambda: build_model(loaded))

    assert said == (
        f"build() of {file} returned a Sequential without any Wanted in it\n"
        "  hint: let it take the class that the target names: def build(cls)"
    )


def test_a_build_may_wrap_the_named_class(write_case: Callable[..., Any]) -> None:
    file = write_case("""
        from torch import nn
        class Wanted(nn.Module): pass
        def build(): return nn.Sequential(Wanted())
        def profile(): return (), {}
        def serving(): return {"a": ((), {})}
    """)

    model = build_model(load(f"{file}:Wanted"))

    assert type(model) is nn.Sequential


# --- the calls -------------------------------------------------------------------------------------------


def test_the_profile_call_is_taken_apart() -> None:
    call = profile_call(case(profile=lambda: ([1, 2], {"a": 3})))

    assert call == Call((1, 2), {"a": 3})


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "None"),
        (torch.ones(1), "a Tensor"),
        ((torch.ones(1),), "(Tensor,)"),
        ((torch.ones(1), torch.ones(1)), "(Tensor, Tensor)"),
        ((torch.ones(1), {}), "(Tensor, dict)"),
        (((), None), "(tuple, None)"),
        ({"x": 1}, "a dict"),
        (tuple(range(9)), "a tuple"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_profile_that_returns_something_else_is_told(value: object, shown: str) -> None:
    said = complaint(lambda: profile_call(case(profile=lambda: value)))

    assert said == (
        f"profile() of case.py returned {shown}, not (args, kwargs)\n"
        "  hint: return a tuple of the positional and a dict of the keyword arguments: return (x,), {}"
    )


def test_a_keyword_argument_without_a_name_is_told() -> None:
    said = complaint(lambda: profile_call(case(profile=lambda: ((), {1: 2}))))

    assert said == (
        "profile() of case.py returned a keyword argument named 1, which is no text\n"
        "  hint: return a tuple of the positional and a dict of the keyword arguments: return (x,), {}"
    )


def test_serving_calls_keep_their_order() -> None:
    calls = serving_calls(case(serving=lambda: {"b": ((1,), {}), "a": ((), {"x": 2})}))

    assert list(calls.items()) == [("b", Call((1,), {})), ("a", Call((), {"x": 2}))]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            [((), {})],
            "serving() of case.py returned a list, not a dict\n  hint: return {name: (args, kwargs)}",
        ),
        (
            {},
            "serving() of case.py returned no scenario\n  hint: return at least one: {name: (args, kwargs)}",
        ),
        (
            {"profile": ((), {})},
            "serving() of case.py names a scenario 'profile'\n  hint: rename it; the warm-up call has this name",
        ),
        (
            {7: ((), {})},
            "serving() of case.py names a scenario 7\n  hint: name scenarios by text, such as 'image'",
        ),
        (
            {" ": ((), {})},
            "serving() of case.py names a scenario ' '\n  hint: name scenarios by text, such as 'image'",
        ),
        (
            {"image": (1, {})},
            "serving() of case.py returned for scenario 'image' (int, dict), not (args, kwargs)\n"
            "  hint: return a tuple of the positional and a dict of the keyword arguments: return (x,), {}",
        ),
    ],
    ids=["list", "empty", "profile", "number", "blank", "arguments"],
)
def test_serving_that_returns_something_else_is_told(value: object, said: str) -> None:
    assert complaint(lambda: serving_calls(case(serving=lambda: value))) == said


def test_arguments_that_fit_pass() -> None:
    check_signature(Block(), Call((1,), {"mask": None}), "profile")


@pytest.mark.parametrize(
    ("call", "why"),
    [
        (Call((), {}), "missing a required argument: 'x'"),
        (Call((1, 2, 3), {}), "too many positional arguments"),
        (Call((1,), {"msk": 2}), "got an unexpected keyword argument 'msk'"),
        (Call((1,), {"x": 2}), "multiple values for argument 'x'"),
    ],
)
def test_arguments_that_do_not_fit_are_told(call: Call, why: str) -> None:
    said = complaint(lambda: check_signature(Block(), call, "image"))

    assert said == (
        f"the arguments of image do not fit Block.forward: {why}\n"
        "  hint: it is defined as forward(x, scale=1.0, *, mask=None)"
    )


def scaled(function: Any) -> Any:
    @functools.wraps(function)
    def wrapper(self: Any, *args: Any, twice: bool = False, **kwargs: Any) -> Any:
        factor = kwargs.pop("factor", 1) * (2 if twice else 1)
        return function(self, *args, **kwargs) * factor

    return wrapper


class Scaled(Block):
    forward = torch.no_grad()(scaled(Block.forward))


@pytest.mark.parametrize("keyword", ["twice", "factor"])
def test_an_argument_that_a_decorator_uses_up_passes(keyword: str) -> None:
    check_signature(Scaled(), Call((1,), {keyword: 3}), "image")


def test_an_argument_that_no_decorator_knows_either_is_told() -> None:
    said = complaint(lambda: check_signature(Scaled(), Call((1,), {"twise": True}), "image"))

    assert said == (
        "the arguments of image do not fit Scaled.forward: got an unexpected keyword argument 'twise'\n"
        "  hint: it is defined as forward(x, scale=1.0, *, mask=None)"
    )


def test_arguments_that_a_hook_rewrites_are_not_judged() -> None:
    model = Block()
    model.register_forward_pre_hook(lambda module, args: (1,))

    check_signature(model, Call((), {}), "image")


# --- the regions -----------------------------------------------------------------------------------------


def test_the_model_is_the_region_unless_the_case_says_otherwise() -> None:
    model = Model()

    assert region_modules(case(), model) == [("", model)]


def test_regions_have_the_names_of_the_model_and_come_once() -> None:
    model = Model()
    layers = model.layers

    found = region_modules(case(regions=lambda m: [m.layers[1], m.first, m.layers[1], m]), model)

    assert found == [("layers.1", layers[1]), ("first", model.first), ("", model)]


def test_a_module_list_is_a_list_of_regions() -> None:
    model = Model()

    names = [name for name, _ in region_modules(case(regions=lambda m: m.layers), model)]

    assert names == ["layers.0", "layers.1", "first"]


@pytest.mark.parametrize(
    ("regions", "said"),
    [
        (
            lambda m: m.first,
            "regions() of case.py returned a Block, not a list of modules\n"
            "  hint: return a list of modules: return [model.decoder]",
        ),
        (
            lambda m: [],
            "regions() of case.py returned no module\n  hint: return a list of modules: return [model.decoder]",
        ),
        (
            lambda m: ["first"],
            "regions() of case.py returned a list with a str in it, not a list of modules\n"
            "  hint: return a list of modules: return [model.decoder]",
        ),
        (
            lambda m: [Block()],
            "regions() of case.py returned a Block that is not part of the model\n"
            "  hint: return modules of the model that it was called with",
        ),
    ],
    ids=["module", "empty", "names", "foreign"],
)
def test_regions_that_are_none_are_told(regions: Callable[[Any], Any], said: str) -> None:
    assert complaint(lambda: region_modules(case(regions=regions), Model())) == said


def test_a_compiled_region_is_refused() -> None:
    model = Model()
    model.first.compile(backend="eager")

    said = complaint(lambda: region_modules(case(regions=lambda m: [m.first]), model))

    assert said == (
        "the region first is already wrapped by torch.compile\n"
        "  hint: leave torch.compile out: steadygraph compiles the plain module itself"
    )


def test_regions_that_raise_are_the_targets_fault() -> None:
    def regions(model: Model) -> list[nn.Module]:
        return [model.decoder]

    said = complaint(lambda: region_modules(case(regions=regions), Model()), TargetError)

    line = regions.__code__.co_firstlineno + 1
    assert said == (
        "regions() of case.py raised AttributeError: 'Model' object has no attribute 'decoder' "
        f"(tests/test_case_calls.py:{line})\n"
        "  hint: set STEADYGRAPH_TRACEBACK=1 to see the whole traceback"
    )


def test_a_case_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        case().device = "cuda"  # type: ignore[misc]
