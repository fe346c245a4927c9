"""The forward context of the running step is a module-level dict, and each step puts a new tensor of slots into
it.  A captured graph reads the first one.
https://github.com/vllm-project/vllm/pull/44868"""

import torch
import torch.nn as nn

CONTEXT = {}


class Net(nn.Module):
    def forward(self, x):
        return x[CONTEXT["slots"]] * 2


def build():
    CONTEXT.clear()
    return Net().eval()


ORDERS = {"profile": [0, 1, 2, 3], "other": [3, 1, 0, 2], "third": [1, 1, 1, 1]}
HELD = []


def before(model, name):
    CONTEXT["slots"] = torch.tensor(ORDERS[name])
    HELD.append(CONTEXT["slots"])


def profile():
    return (torch.arange(8.0).reshape(4, 2),), {}


def serving():
    return {name: ((torch.arange(8.0).reshape(4, 2),), {}) for name in ("other", "third")}


CUDA_GRAPH = True


INDEPENDENT = True
EXPECTED = {
    "class": "buffer-realloc",
    "flags": {"other": ["buffer-realloc"], "third": ["buffer-realloc"]},
    "silent_wrong": False,
    "recompiles": 0,
}
