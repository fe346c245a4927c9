"""What the attributes of a model hold, as fingerprints that can be compared after a call."""

from __future__ import annotations

import hashlib

import torch

from steadygraph import torch_private
from steadygraph.observe.inputs.storage import leaves
from steadygraph.observe.inputs.symbols import Numbering, is_unknown


def fingerprints(module: torch.nn.Module) -> dict[str, str]:
    """Path (``self.cache.seen``) -> fingerprint of every tensor and every Python value that the model holds.

    Tensors count by shape, dtype and bytes, so this reads all the memory of the model: not for a hot path.
    """
    return {f"self.{name}": _fingerprint(leaf) for name, leaf in leaves(module)}


def _fingerprint(leaf: object) -> str:
    numbering = Numbering()
    if not torch_private.is_tensor(leaf):
        return f"{type(leaf).__name__} {numbering.text(leaf) if is_unknown(leaf) else repr(leaf)}"
    kind = f"{tuple(map(numbering.size, leaf.shape))} {leaf.dtype} {leaf.device}"
    if leaf.is_meta or torch_private.is_fake(leaf) or leaf.layout is not torch.strided or leaf.is_quantized:
        return kind
    data = leaf.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return f"{kind} {hashlib.sha256(data.numpy().tobytes()).hexdigest()}"
