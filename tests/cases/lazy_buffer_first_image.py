"""The buffer for image features is None until the first image request creates it.  From then on every request
takes another branch than the warm-up did, text requests included."""

import torch
import torch.nn as nn


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = None
        self.lin = nn.Linear(4, 4)

    def forward(self, x):
        out = self.lin(x)
        return out if self.features is None else out + self.features[: x.shape[0]]


def build():
    return Model().eval()


def before(model, name):
    if name == "image":
        model.features = torch.full((8, 4), 2.0)
    elif model.features is not None:
        model.features.zero_()


def profile():
    return (torch.ones(3, 4),), {}


def serving():
    return {name: ((torch.ones(3, 4),), {}) for name in ("text", "image", "text_after")}


EXPECTED = {
    "class": "module-attribute",
    "also": ["input-structure"],
    "flags": {"text": [], "image": ["module-attribute"], "text_after": ["module-attribute"]},
    "silent_wrong": True,
    "silent_scenarios": ["image"],
    "recompiles": 1,
}
