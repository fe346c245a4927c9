"""All guards that a call violates; the oracle is what was changed by hand, and Dynamo's own first failure."""

from collections import OrderedDict
from dataclasses import dataclass

import pytest
import torch
from torch import nn

from steadygraph.compare.guards import digest
from steadygraph.model import Aspect, Guard, Location, Owner
from steadygraph.observe.run.session import CompileSession
from steadygraph.torch_private import own_dynamo_state
from steadygraph.torch_private.wording import without_addresses


class Options:
    def __init__(self, scale=2):
        self.scale = scale


@dataclass
class Payload:
    rows: object
    name: str = "a"


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(4, 4)
        self.flag, self.count, self.mode = True, 3, "fast"
        self.options = Options()
        self.table = {"a": 1.0, "b": 2.0}
        self.sizes = [1, 2]

    def forward(self, x, extra=None, payload=None, *, config=None):
        x = self.inner(x) if self.flag else x
        if self.mode == "fast":
            x = x * self.count * self.options.scale * self.table["a"] + len(self.sizes)
        if extra is not None:
            x = x + extra
        if payload is not None and payload.name == "a":
            x = x + payload.rows
        if config is not None:
            x = x * config["k"] + len(config)
        return x


def violated(change=lambda model: None, profile=None, serving=None, around=torch.no_grad):
    """Guards violated when the model is changed, or called in another way, after the profile call."""
    default = ((torch.ones(3, 4),), {})
    args, kwargs = profile or default
    later_args, later_kwargs = serving or profile or default
    with own_dynamo_state():
        model = Model().eval()
        session = CompileSession([("", model)], options={}, backends={})
        with session.guards_kept(), session.calling():
            with torch.no_grad():
                model(*args, **kwargs)
            session.start("serving")
            change(model)
            with around():
                model(*later_args, **later_kwargs)
        session.close()
    return session.observations[-1].violated_guards


def told(guards):
    return [(g.path, g.aspect, g.owner, g.expected, g.actual) for g in guards]


def test_a_call_like_the_profile_violates_nothing():
    assert violated() == ()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda m: setattr(m, "flag", False), ("self.flag", Aspect.VALUE, Owner.MODULE, "True", "False")),
        (lambda m: setattr(m, "count", 5), ("self.count", Aspect.VALUE, Owner.MODULE, "3", "5")),
        (lambda m: setattr(m, "mode", "slow"), ("self.mode", Aspect.VALUE, Owner.MODULE, "'fast'", "'slow'")),
        (lambda m: setattr(m.options, "scale", 7), ("self.options.scale", Aspect.VALUE, Owner.OBJECT, "2", "7")),
        (lambda m: m.table.update(a=0.5), ("self.table['a']", Aspect.VALUE, Owner.OBJECT, "1.0", "0.5")),
        (lambda m: m.sizes.append(3), ("self.sizes", Aspect.LENGTH, Owner.MODULE, "2", "3")),
    ],
    ids=["bool", "int", "str", "int of an object", "float in a dict", "length of a list"],
)
def test_what_was_changed_on_the_model_is_what_is_violated(change, expected):
    assert told(violated(change)) == [expected]


def test_several_changes_are_all_told():
    def change(model):
        model.count, model.mode, model.options.scale = 4, "slow", 9

    assert {g.path for g in violated(change)} == {"self.count", "self.mode", "self.options.scale"}


def test_a_swapped_submodule_is_told_once():
    guards = violated(lambda m: setattr(m, "inner", nn.Identity()))

    assert [(g.path, g.aspect, g.owner) for g in guards] == [("self.inner", Aspect.TYPE, Owner.MODULE)]


@pytest.mark.parametrize(
    ("profile", "serving", "expected"),
    [
        (None, torch.ones(4), ("extra", Aspect.NONE, Owner.ARGUMENT, "None", "torch.float32[4] on cpu")),
        (torch.ones(4), None, ("extra", Aspect.NONE, Owner.ARGUMENT, "torch.float32[4] on cpu", "None")),
        (2, torch.ones(4), ("extra", Aspect.VALUE, Owner.ARGUMENT, "2", "torch.float32[4] on cpu")),
    ],
    ids=["None to tensor", "tensor to None", "int to tensor"],
)
def test_an_argument_that_changes_its_kind_is_told_with_both_values(profile, serving, expected):
    x = torch.ones(3, 4)

    guards = violated(profile=((x, profile), {}), serving=((x, serving), {}))

    assert (guards[0].path, guards[0].owner, guards[0].expected, guards[0].actual) == (
        expected[0],
        expected[2],
        expected[3],
        expected[4],
    )
    assert len(guards) == 1


def test_each_property_of_a_tensor_is_a_violation_of_its_own():
    x = torch.ones(3, 4)

    guards = violated(profile=((x,), {}), serving=((torch.ones(5, 4),), {}))

    assert told(guards) == [("x.shape[0]", Aspect.SHAPE, Owner.ARGUMENT, "3", "5")]
    assert guards[0].dim == 0


def test_arguments_passed_by_keyword_have_the_same_names():
    x = torch.ones(3, 4)

    guards = violated(profile=((), {"x": x, "config": {"k": 1}}), serving=((), {"x": x, "config": {"k": 2}}))

    assert told(guards) == [("config['k']", Aspect.VALUE, Owner.ARGUMENT, "1", "2")]


def test_another_set_of_keys_is_told_as_keys():
    x = torch.ones(3, 4)

    guards = violated(profile=((x,), {"config": {"k": 1}}), serving=((x,), {"config": OrderedDict(k=1, other=2)}))

    assert guards[0].path.startswith("config")
    assert guards[0].aspect in (Aspect.KEYS, Aspect.LENGTH, Aspect.TYPE)


def test_a_string_in_a_dataclass_is_an_argument():
    x = torch.ones(3, 4)

    guards = violated(profile=((x, None, Payload(x)), {}), serving=((x, None, Payload(x, name="b")), {}))

    assert told(guards) == [("payload.name", Aspect.VALUE, Owner.ARGUMENT, "'a'", "'b'")]


def test_grad_mode_is_told_as_ambient_and_nothing_else_with_it():
    guards = violated(around=torch.enable_grad)

    assert told(guards) == [("ambient.grad_mode", Aspect.AMBIENT, Owner.AMBIENT, "False", "True")]


def test_autocast_does_not_accuse_the_tensors():
    guards = violated(around=lambda: torch.autocast("cpu", dtype=torch.bfloat16))

    assert {g.owner for g in guards} == {Owner.AMBIENT}
    assert "ambient.autocast_cpu" in {g.path for g in guards}


def test_every_violation_has_the_line_that_looked_at_the_value():
    guards = violated(lambda m: setattr(m, "count", 5))

    location = guards[0].location
    assert location.path == __file__
    assert location.function == "forward"
    assert location.text.startswith("x = x * self.count")


def test_the_same_tensor_passed_twice_is_told_as_aliasing():
    x, y = torch.ones(3, 4), torch.ones(3, 4)

    guards = violated(profile=((x, y), {}), serving=((x, x), {}))

    assert [g.aspect for g in guards] == [Aspect.ALIASING]


class Attention(nn.Module):
    def forward(self, q, k, v, more=None):
        return q @ k.t() @ v + (0 if more is None else more["v"])


@pytest.mark.parametrize("at_the_end", [True, False])
def test_arguments_that_were_one_object_are_told_wherever_dynamo_asks_for_it(at_the_end: bool):
    x, y, z = (torch.full((3, 3), float(number)) for number in range(3))

    with torch._dynamo.config.patch(use_lamba_guard_for_object_aliasing=at_the_end), own_dynamo_state():
        session = CompileSession([("", model := Attention())], options={}, backends={})
        with session.guards_kept(), session.calling():
            model(x, y, y, more={"v": y})
            for name, (v, more) in {"same": (z, z), "apart": (x, z), "all": (x, y)}.items():
                session.start(name)
                model(y, z, v, more={"v": more})
        session.close()

    told_as = {
        seen.call: [(guard.path, guard.aspect, guard.expected, guard.actual) for guard in seen.violated_guards]
        for seen in session.observations
    }
    v, more = ((path, Aspect.ALIASING, "the same as k", "an object of its own") for path in ("v", "more['v']"))
    assert told_as == {"profile": [], "same": [], "apart": [v], "all": [v, more]}


def test_values_hold_no_addresses():
    guards = violated(lambda m: setattr(m, "inner", nn.Identity()))

    assert "0x" not in repr(guards)
    assert not any(char * 12 in repr(guards) for char in "0123456789")


class Rope(nn.Module):
    def forward(self, *args, **kwargs):
        scaled = kwargs["x"] * 2
        return scaled if kwargs["x"].shape[0] <= 8 else scaled + 1


def test_a_condition_on_a_size_is_told_in_the_callers_words_and_where_it_stands():
    with own_dynamo_state():
        session = CompileSession([("", model := Rope())], options={"dynamic": True}, backends={})
        with session.guards_kept(), session.calling():
            model(x=torch.ones(4))
            session.start("serving")
            model(x=torch.ones(12))
        session.close()

    (guard,) = session.observations[-1].violated_guards
    assert (guard.path, guard.expected, guard.actual) == ("x.shape[0]", "2 <= x.shape[0] <= 8", "x.shape[0] = 12")
    assert guard.location is not None
    assert guard.location.text == 'return scaled if kwargs["x"].shape[0] <= 8 else scaled + 1'


class Broken(nn.Module):
    def forward(self, x):
        rows = x.sum(0) * x.shape[0]
        size = x.shape[0]
        torch._dynamo.graph_break()
        return rows + size


def test_behind_a_graph_break_a_call_is_held_against_the_profile_whatever_answers_it():
    with own_dynamo_state():
        session = CompileSession([("", model := Broken())], options={}, backends={})
        with session.guards_kept(), session.calling():
            for name, size in {"profile": 5, "larger": 9, "again": 5, "smaller": 3}.items():
                session.start(name)
                x = torch.ones(size, 4)
                torch._dynamo.maybe_mark_dynamic(x, 0)
                model(x)
        session.close()

    assert {
        seen.call: (seen.recompiles, [(g.path, g.expected, g.actual, g.frame) for g in seen.violated_guards])
        for seen in session.observations
    } == {
        "profile": (0, []),
        "larger": (1, [("size", "5", "9", "forward")]),
        "again": (0, []),
        "smaller": (0, [("size", "5", "3", "forward")]),
    }


def guard(source="L['x']", expressions=("L['x'] == 3",), line=1):
    return Guard(source, "EQUALS_MATCH", expressions, Location("model.py", line, "forward"))


def test_the_digest_of_guards_depends_on_what_they_ask_for_alone():
    one, other = guard(), guard("L['y']", ("L['y'] == 4",))

    assert digest([one, other]) == digest([other, one])
    assert digest([guard(line=1)]) == digest([guard(line=9)])
    assert digest([one]) != digest([guard(expressions=("L['x'] == 4",))])
    assert digest([one]) != digest([one, other])
    assert digest([]) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("___check_obj_id(L['x'], 140426832516880)", "___check_obj_id(L['x'], <id>)"),
        ("G['_140426832516880_c13'].Tensor", "G['_<id>_c<n>'].Tensor"),
        ("G['__builtins_dict___6']['super']", "G['__builtins_dict___<n>']['super']"),
        ("G['____optimizer_140426832516880_140426832516881_c0/0']", "G['____optimizer_<id>_<id>_c<n>']"),
        ("L['x'] == 16384", "L['x'] == 16384"),
        ("L['x'] == 1700000000000000000", "L['x'] == 1700000000000000000"),
        ("L['table']['run_202411301200']", "L['table']['run_202411301200']"),
    ],
)
def test_ids_of_objects_differ_from_run_to_run_and_go_and_numbers_stay(text, expected):
    assert without_addresses(text) == expected
