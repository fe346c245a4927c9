"""Fixes of the rule about waits of the host, followed: one line each, in a model that runs them outside of its "
"region."""

from __future__ import annotations

from .texts import case

_OPERANDS = """
self.layer = Layer()
self.x = torch.arange(12.0, device=DEVICE).view(3, 4)
self.square = torch.eye(3, device=DEVICE)
self.y = torch.ones((), device=DEVICE)
self.ind = torch.zeros(2, dtype=torch.long, device=DEVICE)
self.repeats = torch.ones(3, dtype=torch.long, device=DEVICE)
self.mask = torch.arange(3, device=DEVICE) == 0
self.cpu, self.pinned = torch.ones(3, 4), torch.ones(3, 4).pin_memory()
self.cpu_ind, self.cpu_mask = torch.zeros(2, dtype=torch.long), torch.arange(3) == 0
self.ones, self.one = torch.ones(3, 4, device=DEVICE), 1.0
"""
_TOP = """
import steadygraph

DEVICE = "cuda"

class Layer(nn.Module):
    def forward(self, x):
        return x * 2
"""
_REGIONS = """
def regions(model):
    return [model.layer]
"""

#: What is to be done -> the lines that make the host wait, and these lines once it was followed, in each of its ways.
WAITS: dict[str, tuple[str, ...]] = {
    "Assign through a mask on the device, or use index_fill_, which takes the number.": (
        "x = self.x.clone(); x[self.ind] = torch.tensor(5.0); return x",
        "x = self.x.clone(); x[self.mask] = 5.0; return x",
        "return self.x.clone().index_fill_(0, self.ind, 5.0)",
    ),
    "Move the indices to the device once, before the calls.": (
        "return self.x[self.cpu_ind]",
        "return self.x[self.ind]",
    ),
    "Make the tensor on the device, or move it there once, before the calls.": (
        "return torch.where(self.mask[:, None], self.x, torch.tensor(1.0))",
        "return torch.where(self.mask[:, None], self.x, torch.ones((), device=DEVICE))",
        "return torch.where(self.mask[:, None], self.x, self.y)",
    ),
    "Use masked_scatter or torch.where, or keep the mask on the CPU (torch >= 2.9).": (
        "x = self.x.clone(); x[self.mask] = self.y; return x",
        "return self.x.masked_scatter(self.mask[:, None], self.ones)",
        "return torch.where(self.mask[:, None], self.y, self.x)",
        "x = self.x.clone(); x[self.cpu_mask] = self.y; return x",
    ),
    "Gather with precomputed indices, or keep the mask on the CPU (torch >= 2.9).": (
        "return self.x[self.mask]",
        "return self.x[self.ind[:1]]",
        "return self.x[self.cpu_mask]",
    ),
    "Keep the value in a tensor (torch.where in place of `if`), or compute it on the host.": (
        "return self.x * 2 if self.y > 0 else self.x",
        "return torch.where(self.y > 0, self.x * 2, self.x)",
        "return self.x * 2 if self.one > 0 else self.x",
    ),
    "Give the value as a number, or use torch.where.": (
        "return self.x.masked_fill(self.mask[:, None], self.y)",
        "return self.x.masked_fill(self.mask[:, None], 1.0)",
        "return torch.where(self.mask[:, None], self.y, self.x)",
    ),
    "Pass output_size=.": (
        "return torch.repeat_interleave(self.x, self.repeats, 0)",
        "return torch.repeat_interleave(self.x, self.repeats, 0, output_size=3)",
    ),
    "Pass min= and max=.": (
        "return torch.histc(self.x, bins=3)",
        "return torch.histc(self.x, bins=3, min=0, max=11)",
    ),
    "Draw with torch.randn_like and scale the result.": (
        "return torch.normal(self.x, self.x + 1)",
        "return self.x + (self.x + 1) * torch.randn_like(self.x)",
    ),
    "Use the variant that does not check (inv_ex, cholesky_ex, ...), or allow it with a reason.": (
        "return torch.linalg.inv(self.square)",
        "return torch.linalg.inv_ex(self.square).inverse",
        'with steadygraph.allow_sync("at start-up only"): return torch.linalg.inv(self.square)',
    ),
    "Copy from and into pinned memory (pin_memory=True).": (
        "return self.cpu.to(DEVICE, non_blocking=True)",
        "return self.pinned.to(DEVICE, non_blocking=True)",
    ),
    "Copy into pinned memory with non_blocking=True, to be read in a later step, or keep a copy on the host.": (
        'return self.ones.to("cpu")',
        "return self.pinned.copy_(self.ones, non_blocking=True)",
        "return self.cpu",
    ),
    "Pin the memory (pin_memory=True) and copy with non_blocking=True, or keep the tensor on the device.": (
        "return self.cpu.to(DEVICE)",
        "return self.pinned.to(DEVICE, non_blocking=True)",
        "return self.ones",
    ),
    "Make it with torch.full, zeros or arange, or in pinned memory and copy it with non_blocking=True; make it once "
    "if it is always the same.": (
        "return torch.tensor([0, 1], device=DEVICE)",
        "return torch.arange(2, device=DEVICE)",
        "return torch.tensor([0, 1]).pin_memory().to(DEVICE, non_blocking=True)",
        "self.same = getattr(self, 'same', torch.arange(2, device=DEVICE)); return self.same",
    ),
    "Print shapes and dtypes, or values of the host.": (
        "print(self.x); return self.x",
        "print(self.x.shape, self.x.dtype); return self.x",
        "print(self.cpu); return self.x",
    ),
    "Compute the list on the host before the tensor is moved to the device.": (
        "return self.ind.tolist()",
        "return self.cpu_ind.tolist()",
    ),
    "Copy without waiting into pinned memory, or keep a copy on the host.": (
        "return self.ones.cpu()",
        "return self.pinned.copy_(self.ones, non_blocking=True)",
        "return self.cpu",
    ),
    "Order work with events and streams, or allow it with a reason where the host has to wait.": (
        "torch.cuda.synchronize(); return self.x",
        "torch.cuda.current_stream().wait_stream(torch.cuda.Stream()); return self.x",
        'with steadygraph.allow_sync("the host has to wait"): torch.cuda.synchronize(); return self.x',
    ),
    "Compute the size on the host, or use an operator whose result has a fixed size.": (
        "return self.x.masked_select(self.mask[:, None]).sum()",
        "return self.x[:1].sum()",
        "return (self.x * self.mask[:, None]).sum()",
    ),
}
#: How many ways a fix has at most.
WAYS = max(map(len, WAITS.values())) - 1
SCENARIOS = {f"step{number}": fix for number, fix in enumerate(WAITS)}


def text(way: int | None) -> str:
    """The case with every line as it was (None), or as it is once its fix was followed in this way."""
    lines = {
        name: WAITS[fix][0 if way is None else min(way + 1, len(WAITS[fix]) - 1)] for name, fix in SCENARIOS.items()
    }
    branches = "\n".join(f'if step == "{name}":\n    {line}' for name, line in lines.items())
    return case(
        f"self.layer(self.ones)\n{branches}",
        takes="step",
        profile='""',
        serving={name: f'"{name}"' for name in SCENARIOS},
        init=_OPERANDS,
        top=_TOP,
        more=_REGIONS,
    )
