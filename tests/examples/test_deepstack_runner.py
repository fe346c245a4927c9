"""The runner of the deepstack example, without an analyzer."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

Deepstack = Callable[[str], ModuleType]


def called(steps: ModuleType, model: Any, call: Any) -> Any:
    (args, kwargs), around = call, steps.context("all")
    with around:
        return model(*args, **kwargs)


def test_room_that_is_too_small_is_refused_after_the_capture_with_the_capacity_to_configure(
    deepstack: Deepstack,
) -> None:
    steps = deepstack("deepstack_steps")
    model = steps.runner(deepstack("deepstack_stores").Reference, capacity=32)
    called(steps, model, steps.profile())

    with pytest.raises(ValueError, match="exceed the capacity") as caught:
        called(steps, model, steps.serving_beyond_capacity()["growth"])

    assert str(caught.value) == (
        "48 tokens exceed the capacity of 32, and graphs hold the addresses of the buffers: "
        "configure a capacity of at least 48"
    )


@pytest.mark.parametrize(("store", "lost"), [("V0", [10, 11, 12, 13]), ("V2", [10, 11, 12, 13]), ("Reference", [])])
def test_lost_features_are_those_of_the_second_micro_batch(store: str, lost: list[int], deepstack: Deepstack) -> None:
    steps = deepstack("deepstack_steps")
    model = steps.runner(getattr(deepstack("deepstack_stores"), store))

    out = called(steps, model, steps.serving()["micro_batches"])

    assert out.lost_rows().tolist() == lost


def test_features_come_from_the_tower_one_for_the_embedding_and_one_for_each_level(deepstack: Deepstack) -> None:
    steps = deepstack("deepstack_steps")
    model, image = steps.runner(deepstack("deepstack_stores").Reference), steps.image(2, 6)

    out = called(steps, model, steps.step(9, 16, image))
    with steps.context("all"):
        features = model.visual(image.patches)

    assert features.shape == (4, 6, 64)
    assert out.sent[:, 2:8].equal(features[1:])
    assert out.sent.count_nonzero() == features[1:].count_nonzero()


def test_every_story_is_made_of_the_calls_in_their_order(deepstack: Deepstack) -> None:
    steps = deepstack("deepstack_steps")

    assert [name for story in steps.STORIES.values() for name in story] == list(steps.serving_beyond_capacity())
