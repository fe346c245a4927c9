"""Arguments for a forward of transformers, by the names of its parameters; the values are drawn from a seed."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from steadygraph.suites.transformers.small import TOKENS

if TYPE_CHECKING:
    from torch import Tensor

#: Main inputs that arguments can be made for.
KNOWN = ("input_ids", "pixel_values", "input_values")
#: Of sound: 0.25 s at 16 kHz.
_SAMPLES = 4000
_IMAGE_SIZE, _CHANNELS = 32, 3


def inputs(
    config: Any, names: Collection[str], *, batch: int = 2, length: int = 13, seed: int = 0
) -> dict[str, Tensor]:
    """What a warm-up call passes, for those of ``names`` that are known.

    Args:
        config: Of the model: sizes of images stand in it.
        names: Parameters of the forward.
        batch: How many requests.
        length: How many tokens each has.
        seed: Of the values.

    Returns:
        ``input_ids`` ``[batch, length]``, ``decoder_input_ids`` ``[batch, length // 2]`` int64; ``pixel_values``
        ``[batch, channels, height, width]``, ``input_values`` ``[batch, samples]`` float32.
    """
    import torch

    random = torch.Generator().manual_seed(seed)
    tokens = {"input_ids": (batch, length), "decoder_input_ids": (batch, length // 2)}
    found = {
        name: torch.randint(TOKENS.start, TOKENS.stop, shape, generator=random)
        for name, shape in tokens.items()
        if name in names
    }
    if "pixel_values" in names:
        found["pixel_values"] = torch.randn(batch, *_image(config), generator=random)
    if "input_values" in names:
        found["input_values"] = torch.randn(batch, _SAMPLES, generator=random)
    return found


def mask(padding: int, batch: int = 2, length: int = 13) -> Tensor:
    """``[batch, length]`` int64: ones for what to look at; the last row begins with padding."""
    import torch

    keep = torch.ones(batch, length, dtype=torch.long)
    keep[-1, :padding] = 0
    return keep


def _image(config: Any) -> tuple[int, int, int]:
    """Channels, height, width; of the part that sees, where there are several."""
    vision = getattr(config, "vision_config", None) or config
    size = getattr(vision, "image_size", None) or _IMAGE_SIZE
    height, width = (size, size) if isinstance(size, int) else tuple(size)[-2:]
    return getattr(vision, "num_channels", None) or _CHANNELS, height, width
