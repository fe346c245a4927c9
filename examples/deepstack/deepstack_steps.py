"""The steps that all cases of this folder run: start-up as the engine does it, then traffic."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from deepstack_model import HIDDEN, LEVELS, PATCH, VOCABULARY
from deepstack_runner import MAX_NUM_BATCHED_TOKENS, MAX_PADDED, Image, Runner, StepResult
from deepstack_stores import Store

Call = tuple[tuple[object, ...], dict[str, object]]

#: Every step is a request of its own: its logits may not depend on earlier steps.
INDEPENDENT = True
#: Start-up captures graphs, and serving replays them.
CUDA_GRAPH = True

#: Each story begins as after start-up, and its later steps live with what the earlier ones left.
STORIES = {
    "traffic": ("text", "image", "image_padded", "text_after_padded"),
    "abort": ("image_aborted", "text_after_abort"),
    "abort, then a shorter image": ("long_image_aborted", "short_image", "text_after_short_image", "text_later"),
    "micro-batches": ("micro_batches", "text_after_micro_batches"),
    "decode": ("decode",),
    "more rows than ever": ("growth", "text_after_growth"),
}
#: Of every step, if it says nothing else.
OPTIONS: dict[str, object] = {"micro_batches": 1, "aborted": False, "start_up": False}


def runner(store: type[Store], capacity: int = MAX_NUM_BATCHED_TOKENS) -> Runner:
    """The model with fixed random weights."""
    torch.manual_seed(0)
    return Runner(store(LEVELS, capacity, HIDDEN)).eval()


def profile() -> Call:
    """As many tokens as a step may have, and an image for the tower alone: nothing is embedded."""
    token_ids = torch.zeros(MAX_NUM_BATCHED_TOKENS, dtype=torch.int64)
    return (token_ids, MAX_NUM_BATCHED_TOKENS, [image(0, 8)]), OPTIONS | {"start_up": True}


def serving() -> dict[str, Call]:
    """A text step between others is always the same: what it gives may not change."""
    text = step(16, 16)
    return {
        "text": text,
        "image": step(16, 16, image(2, 6)),
        "image_padded": step(9, 16, image(2, 6)),
        "text_after_padded": text,
        "image_aborted": step(16, 16, image(2, 6), aborted=True),
        "text_after_abort": text,
        "long_image_aborted": step(16, 16, image(2, 12), aborted=True),
        "short_image": step(4, 8, image(1, 2)),
        "text_after_short_image": text,
        "text_later": text,
        "micro_batches": step(16, 16, image(2, 4), image(10, 4), micro_batches=2),
        "text_after_micro_batches": text,
        "decode": step(3, 8),
    }


def serving_beyond_capacity() -> dict[str, Call]:
    """The same, and a step that another rank's makes longer than any that start-up ran."""
    return serving() | {"growth": step(30, MAX_PADDED, image(2, 6)), "text_after_growth": step(16, 16)}


def first_look() -> dict[str, Call]:
    """Three steps that are enough to see what went wrong in production."""
    return {name: serving()[name] for name in ("text", "image", "image_padded")}


def step(scheduled: int, padded: int, *images: Image, **options: object) -> Call:
    token_ids = torch.randint(VOCABULARY, (scheduled,), generator=torch.Generator().manual_seed(scheduled))
    return (token_ids, padded, list(images)), OPTIONS | options


def image(offset: int, num_tokens: int) -> Image:
    return Image(offset, torch.randn(num_tokens, PATCH, generator=torch.Generator().manual_seed(num_tokens)))


def before(model: Runner, name: str) -> None:
    if any(name == story[0] for story in STORIES.values()):
        model.store.restart()


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()


def regions(model: Runner) -> list[nn.Module]:
    return [model.decoder]


def observe(model: Runner, out: StepResult) -> Tensor:
    """The logits.  Policies are held against eager mode: what eager mode itself loses, the case has to say."""
    lost = out.lost_rows()
    if lost.numel() > 0:
        raise AssertionError(f"features of tokens {int(lost[0])} to {int(lost[-1])} never reached the decoder")
    return out.logits
