"""The deepstack buffers and row merging of ``steadygraph.reference`` in a runner that pads, splits steps into
micro-batches and survives an image that was aborted.  Nothing is wrong here."""

import contextlib

import torch
import torch.nn as nn

from steadygraph.reference.deepstack import DeepstackBuffers, add_level
from steadygraph.reference.masking import merge_rows

HIDDEN, LEVELS, CAPACITY = 8, 2, 16


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(HIDDEN, HIDDEN) for _ in range(LEVELS + 1))

    def forward(self, x, deepstack):
        for index, layer in enumerate(self.layers):
            x = add_level(torch.tanh(layer(x)), deepstack, index)
        return x


class Runner(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(32, HIDDEN)
        self.decoder = Decoder()
        self.deepstack = DeepstackBuffers(LEVELS, CAPACITY, HIDDEN)

    def embed(self, ids, features):
        embeds, payload = self.embed_tokens(ids), None
        if features is not None:
            mask = torch.arange(len(ids)) < features.shape[1]
            merge_rows(embeds, mask, features[0], counts=[features.shape[1]])
            payload = features[1:]
        self.deepstack.set(payload, embeds)
        return embeds

    def forward(self, ids, padded, features=None, parts=1):
        embeds = self.embed(ids, features)
        x = torch.cat([embeds, embeds.new_zeros(padded - len(ids), HIDDEN)])
        out = []
        for start in range(0, padded, padded // parts):
            rows = x[start : start + padded // parts]
            deepstack = self.deepstack.get(rows, start if parts > 1 else None)
            for tensor in (rows, *deepstack.values()):
                torch._dynamo.maybe_mark_dynamic(tensor, 0)
            out.append(self.decoder(rows, deepstack))
        self.deepstack.clear()
        return torch.cat(out)[: len(ids)]


def build():
    return Runner().eval()


def context(name):
    return torch.no_grad()


def regions(model):
    return [model.decoder]


def before(model, name):
    """An image whose step fails after it was embedded."""
    if name == "after_abort":
        (ids, _), call = image(12, 16)
        with contextlib.suppress(RuntimeError):
            model.embed(ids, call["features"])
            raise RuntimeError("the step is aborted")


def text(scheduled, padded):
    return (torch.arange(scheduled), padded), {}


def image(scheduled, padded, **options):
    features = torch.randn(1 + LEVELS, scheduled - 2, HIDDEN, generator=torch.Generator().manual_seed(scheduled))
    return (torch.arange(scheduled), padded), {"features": features, **options}


def profile():
    return text(16, 16)


def serving():
    return {
        "image": image(16, 16),
        "padded": image(9, 12),
        "micro_batches": image(9, 12, parts=2),
        "text": text(9, 12),
        "after_abort": text(8, 8),
        "short_image": image(4, 8),
    }


INDEPENDENT = True
EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
