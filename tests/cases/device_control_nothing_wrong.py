"""Devices are compared by type, by index, with the index spelled out, and with both forms; tensors made on the CPU or
on meta reach the device before anything else is done with them; the model asks about its GPU. Nothing is wrong here."""

import torch
import torch.nn as nn

DEVICE = "cuda"


class Careful(nn.Module):
    def __init__(self):
        super().__init__()
        self.text = nn.Linear(4, 4, device=DEVICE)
        self.vision = nn.Linear(4, 4)
        self.late = nn.Linear(4, 4, device="meta")
        self.device = torch.device(DEVICE)
        self.tables = {}
        self.blocks = torch.cuda.get_device_properties(self.text.weight.device).multi_processor_count
        self.stream = torch.cuda.Stream()

    def table(self, x):
        key = (x.device.type, x.device.index or 0, x.shape[0])
        if key not in self.tables:
            self.tables[key] = torch.arange(x.shape[0], device=x.device)
        return self.tables[key]

    def embed(self, pixels, device):
        self.vision.to(device, non_blocking=True)
        if self.late.weight.is_meta:
            self.late.to_empty(device=device)
        with torch.cuda.stream(self.stream):
            pixels = torch.tensor(pixels).pin_memory().to(device, non_blocking=True)
        torch.cuda.current_stream().wait_stream(self.stream)
        return self.late(self.vision(pixels)) * torch.tensor(0.5) / self.blocks

    def forward(self, x, pixels=None):
        h = self.text(x)
        if pixels is not None:
            assert x.device.type == self.device.type
            assert x.device == self.text.weight.device
            assert x.device == torch.device("cuda", torch.cuda.current_device())
            assert x.device == self.device or x.device == torch.device("cuda:0")
            assert str(x.device) in ("cuda", "cuda:0")
            h = h + self.table(x).unsqueeze(-1) + self.embed(pixels, x.device)
        return h


def build():
    return Careful().eval()


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
