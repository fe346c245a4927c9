"""The steps that both cases run: warm-up sees one image, serving a video too."""

from __future__ import annotations

from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn

from evs_model import CHANNELS, MERGE, RATE, VOCABULARY, Image, Runner, Video
from steadygraph.reference.evs import Media, Placeholder, position_delta

Call = tuple[tuple[object, ...], dict[str, object]]

DEVICE = "cuda"
#: Start-up captures graphs, and serving replays them.
CUDA_GRAPH = True
VISION_START, VISION_END, IMAGE, VIDEO = 124, 125, 126, 127
TEXT_IDS = VOCABULARY - 8

#: Three frames of 8 x 8 patches; a timestamp takes two tokens.
PLACEHOLDER = Placeholder((3, 8, 8), MERGE, ((1, 2), (1, 3), (1, 4)), VISION_START, VIDEO, VISION_END)


def on_device(runner: Runner) -> Runner:
    """The model with fixed random weights, on the device."""
    torch.manual_seed(0)
    for parameter in runner.parameters():
        nn.init.normal_(parameter, std=0.1)
    return runner.eval().to(DEVICE)


def call(
    ids: list[int], inputs: list[Image | Video], start: int = 0, delta: int = 0, *, start_up: bool = False
) -> Call:
    """The same arguments for every step."""
    return (torch.tensor(ids).to(DEVICE), inputs, start, delta, start_up), {}


def text(length: int) -> list[int]:
    return torch.randint(TEXT_IDS, (length,), generator=torch.Generator().manual_seed(length)).tolist()


def patches(*sizes: int) -> Tensor:
    return torch.randn(*sizes, CHANNELS, generator=torch.Generator().manual_seed(sum(sizes))).to(DEVICE)


def image_step(height: int, width: int, *, start_up: bool = False) -> Call:
    """Three tokens of text, an image, two tokens of text."""
    count = height * width // MERGE**2
    ids = [*text(3), VISION_START, *[IMAGE] * count, VISION_END, *text(2)]
    return call(ids, [Image(4, patches(1, height, width))], start_up=start_up)


#: The request with a video: three tokens of text, the video, two tokens of text.
VIDEO_IDS = [*text(3), *PLACEHOLDER.prompt_ids(RATE), *text(2)]


def video_step(start: int = 0, stop: int = len(VIDEO_IDS)) -> Call:
    """A prefill chunk of the request with a video; by default all of it."""
    inputs: list[Image | Video] = [Video(3, PLACEHOLDER, patches(*PLACEHOLDER.grid))] if stop > 3 else []
    return call(VIDEO_IDS[start:stop], inputs, start)


def decode_step() -> Call:
    """The first token that is generated after it."""
    return call([7], [], len(VIDEO_IDS), position_delta([Media.video(3, PLACEHOLDER, RATE)]))


def profile() -> Call:
    """One image, and then a dummy run for each captured size: no video."""
    return image_step(8, 8, start_up=True)


def serving() -> dict[str, Call]:
    return {
        "text": call(text(12), []),
        "image": image_step(6, 4),
        "video": video_step(),
        "decode": decode_step(),
    }


def context(name: str) -> AbstractContextManager[object]:
    return torch.no_grad()


def regions(model: Runner) -> list[nn.Module]:
    return [model.decoder]
