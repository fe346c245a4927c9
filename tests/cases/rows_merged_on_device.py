"""Image features are added to the rows of a mask inside of the compiled decoder; the profile call has neither.  On the
device the mask makes the host wait and breaks the graph, and without guards the features are lost."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(8, 8)

    def forward(self, hidden, mask=None, features=None):
        if mask is not None:
            hidden = hidden.clone()
            hidden[mask] = hidden[mask] + features
        return self.layer(hidden)


def build():
    return Decoder().to(DEVICE).eval()


def context(name):
    return torch.no_grad()


def call(rows=0):
    hidden = torch.randn(16, 8, generator=torch.Generator().manual_seed(rows)).to(DEVICE)
    if not rows:
        return (hidden,), {}
    mask = torch.arange(16, device=DEVICE) < rows
    return (hidden, mask, torch.ones(int(mask.sum()), 8, device=DEVICE)), {}


def profile():
    return call()


def serving():
    return {"text": call(), "image": call(5), "two_images": call(10)}


EXPECTED = {
    "class": "input-structure",
    "flags": {name: ["input-structure", "graph-break", "host-sync"] for name in ("image", "two_images")},
    "silent_scenarios": ["image", "two_images"],
    "recompiles": 2,
}
