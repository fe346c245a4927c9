"""Features arrive in a dict whose insertion order depends on the request, and the forward folds them in that
order.  The keys are the same set; Dynamo guards their order, and without guards the order of the warm-up is used."""

import torch
import torch.nn as nn


class Fold(nn.Module):
    def forward(self, x, features):
        for name, feature in features.items():
            x = x * 2 + feature if name == "image" else x * 3 + feature
        return x


def build():
    return Fold().eval()


def call(*names):
    made = {"image": torch.full((3,), 1.0), "audio": torch.full((3,), 5.0)}
    return (torch.arange(3.0), {name: made[name] for name in names}), {}


def profile():
    return call("image", "audio")


def serving():
    return {"same_order": call("image", "audio"), "other_order": call("audio", "image")}


INDEPENDENT = True
EXPECTED = {
    "class": "input-structure",
    "flags": {"same_order": [], "other_order": ["input-structure"]},
    "silent_wrong": True,
    "silent_scenarios": ["other_order"],
    "recompiles": 1,
}
