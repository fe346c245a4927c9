"""Arguments that reach a model through decorators: the oracle is the same model without them, or what a call gave."""

import functools
import inspect
import linecache
import threading
import traceback

import pytest
import torch
from torch import nn

from steadygraph.case.case import Case
from steadygraph.config import Settings
from steadygraph.engine.engine import analyze_case
from steadygraph.model import PROFILE, Aspect
from steadygraph.observe.places import locations
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state

X, MASK = torch.ones(3, 4), torch.zeros(3, 4)


def wrapping(function):
    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        flags = {name: kwargs.get(name, False) for name in ("mask", "x", "scale")}
        return function(self, *args, **kwargs) * (2 if flags["scale"] is None else 1)

    return wrapper


def bare(function):
    def call(*args, **kwargs):
        return function(*args, **kwargs)

    return call


def with_options(scale=2):
    def decorator(function):
        @functools.wraps(function)
        def wrapper(self, *args, **kwargs):
            kwargs.setdefault("factor", scale)
            return function(self, *args, **kwargs)

        return wrapper

    return decorator


def looking_first(function):
    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        if checked(kwargs.get("mask")):
            return function(self, *args, **kwargs)
        return function(self, *args, **kwargs)

    return wrapper


def asking_whether_it_is_outermost(function):
    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        if type(self).forward is wrapper and self.training:
            return function(self, *args, **kwargs).detach()
        return function(self, *args, **kwargs)

    return wrapper


def beside_another_function(function, scaled=lambda out: out):
    def wrapper(self, *args, **kwargs):
        return scaled(function(self, *args, **kwargs))

    return wrapper


def with_an_implementation(function, implementations=()):
    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        chosen = dict(implementations).get("fast", function)
        return chosen(self, *args, **kwargs)

    return wrapper


def checked(mask):
    return mask is not None and mask.shape[0] == 3


class Plain(nn.Module):
    def forward(self, x, mask=None, factor=1, **extras):
        if mask is not None:
            x = x * mask
        if "bias" in extras:
            x = x + extras["bias"]
        return x * factor


class Wrapped(Plain):
    forward = wrapping(Plain.forward)


class Bare(Plain):
    forward = bare(Plain.forward)


class Stacked(Plain):
    forward = wrapping(with_options()(looking_first(Plain.forward)))


class Twice(Plain):
    forward = looking_first(wrapping(Plain.forward))


class Aware(Plain):
    forward = asking_whether_it_is_outermost(Plain.forward)


class Beside(Plain):
    forward = beside_another_function(Plain.forward)


class Chosen(Plain):
    forward = with_an_implementation(Plain.forward)


DECORATED = [Wrapped, Bare, Stacked, Twice, Aware, Beside, Chosen]
KEYWORDS = ((), {"x": X})


def violated(cls, profile, serving):
    """What the serving call violates of the profile call's guards, with places."""
    with own_dynamo_state():
        session = CompileSession([("", module := cls().eval())], options={}, backends={})
        with session.guards_kept(), torch.no_grad():
            for name, (args, kwargs) in {PROFILE: profile, "serving": serving}.items():
                session.start(name)
                with session.calling():
                    module(*args, **kwargs)
        found = session.observations[-1].violated_guards
        session.close()
    return found


def told(guards):
    return {(guard.path, guard.aspect, guard.expected, guard.actual) for guard in guards}


def line_of(code):
    """The number of the line of this file that reads so, behind the decorators."""
    (found,) = [number for number, line in enumerate(linecache.getlines(__file__), 1) if line.strip() == code]
    return found


# --- what changed ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", DECORATED)
@pytest.mark.parametrize("serving", [((), {"x": X, "mask": MASK}), ((X, MASK), {})], ids=["keyword", "position"])
def test_a_parameter_that_was_not_given_is_its_default_as_without_a_decorator(cls, serving):
    profile = KEYWORDS if serving[1] else ((X,), {})

    found = violated(cls, profile, serving)

    assert told(found) == {("mask", Aspect.NONE, "None", "torch.float32[3, 4] on cpu")}
    assert {guard.path for guard in violated(Plain, profile, serving)} == {"mask"}


@pytest.mark.parametrize("cls", DECORATED)
def test_a_parameter_that_is_not_given_any_more_is_none(cls):
    found = violated(cls, ((), {"x": X, "mask": MASK}), KEYWORDS)

    assert [(guard.path, guard.aspect, guard.actual) for guard in found] == [("mask", Aspect.NONE, "None")]


@pytest.mark.parametrize("cls", [Plain, *DECORATED])
def test_a_keyword_without_a_parameter_is_not_given(cls):
    found = violated(cls, KEYWORDS, ((), {"x": X, "bias": MASK}))

    assert told(found) == {("bias", Aspect.PRESENCE, "not given", "torch.float32[3, 4] on cpu")}


@pytest.mark.parametrize("cls", [Wrapped, Bare, Twice])
def test_another_value_than_the_default_is_another_value(cls):
    found = violated(cls, KEYWORDS, ((), {"x": X, "factor": 5}))

    assert told(found) == {("factor", Aspect.VALUE, "1", "5")}


@pytest.mark.parametrize("cls", DECORATED)
def test_a_keyword_more_hides_no_other_change(cls):
    found = violated(cls, KEYWORDS, ((), {"x": torch.ones(5, 4), "bias": torch.ones(4)}))

    assert {guard.path for guard in found} >= {"bias", "x.shape[0]"}


@pytest.mark.parametrize("cls", DECORATED)
def test_two_keywords_more_are_two_changes(cls):
    found = violated(cls, KEYWORDS, ((), {"x": X, "mask": MASK, "bias": MASK}))

    assert {guard.path for guard in found} == {"mask", "bias"}


def test_keywords_that_come_in_another_order_are_named():
    class Loop(nn.Module):
        def forward(self, **tensors):
            for number, tensor in enumerate(tensors.values()):
                out = tensor if number == 0 else out * 2 + tensor  # noqa: F821
            return out

    found = violated(Loop, ((), {"a": X, "b": MASK}), ((), {"b": MASK, "a": X}))

    assert told(found) == {("b", Aspect.KEYS, "2", "1")}


def test_what_a_model_takes_as_a_list_of_arguments_stays_one_value():
    class Sum(nn.Module):
        def forward(self, *rows):
            return sum(rows)

    (found,) = violated(Sum, ((X, X), {}), ((X, X, X), {}))

    assert (found.path, found.aspect, found.expected, found.actual) == ("rows", Aspect.LENGTH, "2", "3")


def test_behind_a_graph_break_in_a_decorator_keywords_have_their_names():
    def breaking(function):
        def wrapper(self, *args, **kwargs):
            torch._dynamo.graph_break()
            return function(self, *args, **kwargs)

        return wrapper

    class Broken(Plain):
        forward = breaking(Plain.forward)

    found = violated(Broken, KEYWORDS, ((), {"x": X, "mask": MASK}))

    assert {guard.path for guard in found} == {"mask"}


def test_a_layer_whose_decorator_knows_itself_has_its_names_behind_a_graph_break():
    class Layer(nn.Module):
        @asking_whether_it_is_outermost
        def forward(self, hidden):
            return hidden * 2

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = Layer()

        @torch.compiler.disable(recursive=False)
        def body(self, x):
            return self.layer(x)

        def forward(self, x):
            return self.body(x + 1)

    found = violated(Model, ((X,), {}), ((torch.ones(5, 4),), {}))

    assert {(guard.path, guard.frame) for guard in found} == {("x.shape[0]", ""), ("hidden.shape[0]", "forward")}


# --- where -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", DECORATED)
def test_the_place_is_the_line_of_the_model_that_looks_at_the_value(cls):
    (found,) = violated(cls, KEYWORDS, ((), {"x": X, "mask": MASK}))

    assert found.location.line in {line_of("if mask is not None:"), line_of("x = x * mask")}


@pytest.mark.parametrize("cls", DECORATED)
def test_a_size_that_a_decorator_looks_at_first_is_shown_where_the_model_uses_it(cls):
    profile, serving = ({"x": torch.ones(n, 4), "mask": torch.ones(n, 4)} for n in (3, 5))

    found = violated(cls, ((), profile), ((), serving))

    body = range(inspect.getsourcelines(Plain.forward)[1], inspect.getsourcelines(Plain.forward)[1] + 8)
    assert found
    assert all(guard.location.line in body for guard in found)


def test_what_only_the_decorator_reads_is_shown_at_the_function_that_is_called():
    found = violated(Wrapped, KEYWORDS, ((), {"x": X, "scale": None}))

    assert [(guard.path, guard.location.function, guard.location.text) for guard in found] == [
        ("scale", "forward", "def forward(self, x, mask=None, factor=1, **extras):")
    ]


def test_a_hook_that_a_decorator_has_installed_is_no_line_of_the_model(tmp_path):
    library, model = tmp_path / "library.py", tmp_path / "model.py"
    library.write_text(
        "def capturing(function):\n"
        "    def wrapper(self, *args, **kwargs):\n"
        "        return function(self, *args, **kwargs)\n"
        "    return wrapper\n"
        "\n"
        "def hook(module, args, output):\n"
        "    COLLECTED.append(output)\n"
    )
    model.write_text("@capturing\ndef forward(self, x):\n    return self.layer(x)\n")
    through = [
        traceback.FrameSummary(str(library), 3, "wrapper"),
        traceback.FrameSummary(str(model), 3, "forward"),
        traceback.FrameSummary(str(library), 7, "hook"),
    ]

    assert (locations.where_model_calls(through).path, locations.where_model_reads(through)) == (str(model), None)
    assert locations.where_model_reads(through[1:]).path == str(library)


# --- what users read ---------------------------------------------------------------------------------------


def test_the_finding_names_the_argument_the_line_and_a_fix():
    case = Case(
        build=lambda: Wrapped().eval(),
        profile=lambda: KEYWORDS,
        serving=lambda: {"masked": ((), {"x": X, "mask": MASK}), "more": ((), {"x": X, "bias": MASK})},
        target="wrapped",
    )

    report = analyze_case(case, Settings(policies=None))

    assert [(f.scenario, f.rule, f.pieces[0], f.fix) for f in report.findings] == [
        (
            "masked",
            "SG101",
            "argument `mask` is None at profile, torch.float32[3, 4] on cpu at serving",
            "Pass a mask without effect in the profile call and in every serving call that has none: ones where it "
            "says what to keep, zeros where it is added or says what to hide or change.",
        ),
        (
            "more",
            "SG102",
            "argument `bias` is not given at profile, torch.float32[3, 4] on cpu at serving",
            "Pass zeros (ones where it multiplies) in the profile call and in every serving call that has none: same "
            "type, keys, shapes, dtypes and device.",
        ),
    ]


def test_a_break_in_the_regions_own_decorator_is_shown_at_the_function_that_is_called():
    lock = threading.Lock()

    def locking(function):
        @functools.wraps(function)
        def wrapper(self, *args, **kwargs):
            if kwargs.get("locked"):
                with lock:
                    kwargs["factor"] = 2
            return function(self, *args, **kwargs)

        return wrapper

    class Locked(Plain):
        forward = locking(Plain.forward)

    case = Case(
        build=lambda: Locked().eval(),
        profile=lambda: KEYWORDS,
        serving=lambda: {"locked": ((), {"x": X, "locked": True})},
        target="locked",
    )

    report = analyze_case(case, Settings(policies=None, select=("SG401",)))

    assert [(f.message, f.location.text) for f in report.findings] == [
        (
            "`wrapper` runs eagerly: Dynamo does not know how to enter a `lock` context manager.",
            "def forward(self, x, mask=None, factor=1, **extras):",
        )
    ]
