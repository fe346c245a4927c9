"""Locals of a frame, known before it exists: the oracle is ``locals()`` inside of the call."""

import functools

import pytest

from steadygraph.observe.run.frame_locals import bind, self_name


class Model:
    def forward(self, x, n=3, *rest, flag=True, **options):
        return locals()


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [((1,), {}), ((1, 2), {}), ((1, 2, 3, 4), {"flag": False}), ((), {"x": 1}), ((1,), {"other": 5})],
)
def test_the_locals_are_those_that_the_call_has(args, kwargs):
    model = Model()

    assert bind(model.forward, args, kwargs) == model.forward(*args, **kwargs)


def test_a_decorator_shows_its_own_parameters():
    @functools.wraps(Model.forward)
    def wrapper(self, *args, **kwargs):
        return locals()

    assert bind(wrapper, (1, 2), {"n": 3}) == {"self": 1, "args": (2,), "kwargs": {"n": 3}}


def test_closure_cells_are_locals_too():
    limit = 7

    def function(x):
        return x < limit

    assert bind(function, (1,), {}) == {"x": 1, "limit": 7}


def test_arguments_that_do_not_fit_give_nothing():
    assert bind(Model().forward, (), {}) is None


def test_a_builtin_has_no_frame():
    assert bind(len, ([],), {}) is None


def test_the_receiver_of_a_bound_method_is_its_first_parameter():
    assert self_name(Model().forward) == "self"
    assert self_name(Model.forward) is None
