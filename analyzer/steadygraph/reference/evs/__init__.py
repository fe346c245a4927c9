"""Efficient video sampling: prune redundant video tokens between vision encoder and decoder.

A video of T frames with P tokens each keeps K of its T * P tokens.  How many is known before the encoder runs, which
ones only after it:

1. at prompt time :class:`Placeholder` says how many tokens the video takes (``length``) and which (``prompt_ids``);
2. after the encoder :func:`prune_video` gives what stands there: embeddings, and positions that are integers;
3. for each prefill chunk :func:`chunk_positions` gives the positions of its tokens, however the prompt is cut.

Host synchronisation: :func:`kept_per_frame` makes the host wait for the device, once for each video, and is needed only
where the true ids of a placeholder are wanted on the host.  Nothing else here waits: every size is a function of sizes,
and what the host sends goes through pinned memory.

Source: efficient video sampling, https://arxiv.org/abs/2510.14624; the rules for ties and NaN are ours.
"""

from steadygraph.reference.evs.final import FinalSequence, PrunedVideo, prune_video
from steadygraph.reference.evs.grid import retained_tokens
from steadygraph.reference.evs.placeholder import Placeholder
from steadygraph.reference.evs.requests import Media, chunk_positions, image_positions, position_delta
from steadygraph.reference.evs.retention import kept_per_frame, retained_indices, retention_mask, retention_masks

__all__ = [
    "FinalSequence",
    "Media",
    "Placeholder",
    "PrunedVideo",
    "chunk_positions",
    "image_positions",
    "kept_per_frame",
    "position_delta",
    "prune_video",
    "retained_indices",
    "retained_tokens",
    "retention_mask",
    "retention_masks",
]
