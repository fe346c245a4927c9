"""A video keeps the tokens that changed, which a mask on the device says; text and image keep all.  How many are left
only the device knows: the host waits, in video requests only.  The decoder takes any length.
https://arxiv.org/abs/2510.14624"""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Video(nn.Module):
    def __init__(self):
        super().__init__()
        self.decoder = nn.Sequential(nn.Linear(8, 8), nn.ReLU())

    def forward(self, tokens, frames=None):
        if frames is not None:
            first, later = tokens[:frames], tokens[frames:]
            changed = nn.functional.cosine_similarity(later, tokens[:-frames]) < 0.5
            tokens = torch.cat([first, later[changed]])
        torch._dynamo.maybe_mark_dynamic(tokens, 0)
        return self.decoder(tokens)


def build():
    return Video().to(DEVICE).eval()


def regions(model):
    return [model.decoder]


def context(name):
    return torch.no_grad()


def tokens(seed):
    return torch.randn(24, 8, generator=torch.Generator().manual_seed(seed)).to(DEVICE)


def profile():
    return (tokens(0),), {}


def serving():
    return {"image": ((tokens(1),), {}), "video": ((tokens(2),), {"frames": 4})}


EXPECTED = {"class": "host-sync", "flags": {"video": ["host-sync"]}, "silent_wrong": False, "recompiles": 0}
