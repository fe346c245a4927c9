"""Differences of ambient state."""

import pytest

from steadygraph.compare.ambient import differences, module_path
from steadygraph.model import Ambient, Aspect, Difference


def test_a_reading_that_changed_is_reported_by_name():
    before = Ambient((("grad_mode", "True"), ("num_threads", "4")))
    now = Ambient((("grad_mode", "False"), ("num_threads", "4")))

    assert differences(before, now, region="layers.0") == (
        Difference("ambient.grad_mode", Aspect.AMBIENT, "True", "False", "layers.0"),
    )


def test_a_reading_of_one_side_only_is_reported():
    assert differences(Ambient(), Ambient((("grad_mode", "True"),))) == (
        Difference("ambient.grad_mode", Aspect.AMBIENT, "absent", "True"),
    )


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        # eval() of the whole model
        (("", "layers", "layers.0"), (), [("self.training", "True", "False")]),
        ((), ("", "layers", "layers.0"), [("self.training", "False", "True")]),
        # one module with all that it holds
        (("", "layers"), ("", "layers", "layers.0", "layers.0.norm"), [("self.layers[0].training", "False", "True")]),
        # a module that flips against its holder
        (
            ("", "a.b"),
            ("a",),
            [
                ("self.training", "True", "False"),
                ("self.a.training", "False", "True"),
                ("self.a.b.training", "True", "False"),
            ],
        ),
        # only the region itself
        (("",), (), [("self.training", "True", "False")]),
        (("", "a"), ("", "a"), []),
    ],
)
def test_modules_that_flip_together_are_one_difference(before, now, expected):
    found = differences(Ambient(training=before), Ambient(training=now))

    assert found == tuple(Difference(path, Aspect.AMBIENT, old, new) for path, old, new in expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("", "self"), ("layers.0.norm", "self.layers[0].norm"), ("0", "self[0]"), ("experts.e1", "self.experts.e1")],
)
def test_a_module_name_as_python_reads_it(name, expected):
    assert module_path(name) == expected


def test_hooks_are_named_by_their_module_their_kind_and_their_functions() -> None:
    before = Ambient(hooks=(("layers.0", "forward_hooks", "log"),))
    now = Ambient(hooks=(("*", "forward_hooks", "trace"), ("layers.0", "forward_hooks", "log, steer")))

    found = differences(before, now)

    assert [(one.path, one.profile, one.serving) for one in found] == [
        ("forward_hooks", "none", "trace"),
        ("self.layers[0].forward_hooks", "log", "log, steer"),
    ]
