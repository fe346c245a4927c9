"""Tensors made on the CPU or on meta reach the device before anything else is done with them, and the model asks about
its GPU. Nothing is wrong here."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class InTime(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = nn.Linear(4, 4, device=DEVICE)
        self.vision = nn.Linear(4, 4)
        self.late = nn.Linear(4, 4, device="meta")
        self.blocks = torch.cuda.get_device_properties(self.text.weight.device).multi_processor_count
        self.stream = torch.cuda.Stream()

    def forward(self, x, pixels=None):
        h = self.text(x)
        if pixels is not None:
            self.vision.to(x.device, non_blocking=True)
            if self.late.weight.is_meta:
                self.late.to_empty(device=x.device)
            with torch.cuda.stream(self.stream):
                pixels = torch.tensor(pixels).pin_memory().to(x.device, non_blocking=True)
            torch.cuda.current_stream().wait_stream(self.stream)
            h = h + self.late(self.vision(pixels)) * torch.tensor(0.5) / self.blocks
        return h


def build():
    return InTime().eval()


def regions(model):
    return [model.text]


def x():
    return torch.ones(2, 4, device=DEVICE)


def profile():
    return (x(),), {}


def serving():
    pixels = [[1.0, 2.0, 3.0, 4.0]] * 2
    return {"text": ((x(),), {}), "image": ((x(), pixels), {}), "later": ((x(), pixels), {})}


EXPECTED = {"class": "control", "flags": {}, "silent_wrong": False, "recompiles": 0}
