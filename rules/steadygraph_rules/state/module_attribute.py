from __future__ import annotations

from collections.abc import Sequence

from steadygraph.model import Aspect, Evidence, Kind, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change

_NUMBERS = ("bool", "int", "float", "complex")

_COUNTER = """
import torch
from torch import nn

class Warmup(nn.Module):
    def __init__(self):
        super().__init__()
        self.step_count = 1

    def forward(self, x):
        self.step_count += 1
        return x * self.step_count

def build():
    return Warmup()

def profile():
    return (torch.ones(3),), {}

def serving():
    return {
        "step2": ((torch.ones(3),), {}),
        "step3": ((torch.ones(3),), {}),
    }
"""

_TRAINING = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    def forward(self, x):
        return self.block(x) * (2 if self.training else 3)

def build():
    return Net().eval()

def before(model, name):
    model.train(name == "training")

def profile():
    return (torch.ones(2, 4),), {}

def serving():
    return {"training": ((torch.ones(2, 4),), {})}
"""

_ADAPTER = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.activation = nn.ReLU()

    def forward(self, x):
        return self.activation(x) + 1

def build():
    return Net()

def before(model, name):
    model.activation = nn.Tanh() if name == "swapped" else nn.ReLU()

def profile():
    return (torch.ones(3),), {}

def serving():
    return {
        "again": ((torch.zeros(3),), {}),
        "swapped": ((torch.ones(3),), {}),
    }
"""

_BUFFER = _COUNTER.replace("self.step_count = 1", 'self.register_buffer("step_count", torch.ones(()))').replace(
    "self.step_count += 1", "self.step_count.add_(1)"
)

_TRAINED_FROM_THE_START = _TRAINING.replace('name == "training"', "True")

_TWO_MODULES = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, activation):
        super().__init__()
        self.activation = activation

    def forward(self, x):
        return self.activation(x) + 1

class Both(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = Net(nn.ReLU())
        self.swapped = Net(nn.Tanh())
        self.chosen = ()

    def forward(self, x):
        return [net(x) for net in self.chosen][-1]

def build():
    return Both()

def regions(model):
    return [model.plain, model.swapped]

def before(model, name):
    both = (model.plain, model.swapped)
    chosen = {"profile": both, "swapped": both[1:]}
    model.chosen = chosen.get(name, both[:1])

def profile():
    return (torch.ones(3),), {}

def serving():
    return {
        "again": ((torch.zeros(3),), {}),
        "swapped": ((torch.ones(3),), {}),
    }
"""

_NOT_READ = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.requests = 0

    def forward(self, x):
        return x * 2

def build():
    return Net()

def before(model, name):
    model.requests += 1

def profile():
    return (torch.ones(3),), {}

def serving():
    return {"step": ((torch.ones(3),), {})}
"""


class ModuleAttribute(GuardRule):
    """An attribute of a module that is not what it was at profile.

    What it finds:
        A counter, a flag, ``training``, an attribute that is None in one run, a submodule or function that was
        swapped, a list or dict on a module with other entries.

    Why it matters:
        Python values on a module are constants in the graph.  With guards dropped, the value of the profile run is
        used for ever: a flag that switches adapters on is never seen.  With guards kept, each value is a compilation,
        up to the recompile limit, and then the module runs uncompiled.

    How to fix it:
        Keep what changes in a registered buffer and change it in place; bring modules into their final mode before
        the profile call; where the value selects a branch, compile one module for each value, or select with
        ``torch.where``.

    Known limits:
        Ints and floats on plain objects and in dicts belong to baked-int and baked-float, sizes and dtypes of a
        module's tensors to the rules about tensors.  Train mode that changes in many modules is one finding.
    """

    code = "SG301"
    name = "module-attribute"
    kind = Kind.MODULE_ATTRIBUTE
    cause = Cause.ATTRIBUTE
    flagged = (
        Example(
            "a step counter",
            _COUNTER,
            ("step2", "step3"),
            fix="Keep `self.step_count` in a buffer (register_buffer) and change it in place; where it decides, "
            "select with torch.where.",
            fixed=(_BUFFER,),
        ),
        Example(
            "eval at profile, train at serving",
            _TRAINING,
            ("training",),
            fix="Call model.eval() or model.train() before the profile call and leave the mode alone afterwards.",
            fixed=(_TRAINED_FROM_THE_START,),
        ),
        Example(
            "a swapped submodule",
            _ADAPTER,
            ("swapped",),
            fix="Set `self.activation` before the profile call and leave it so, or compile one module for each value "
            "and choose between them outside of the region.",
            fixed=(_TWO_MODULES,),
        ),
    )
    passed = (Example("a number that no compiled code reads", _NOT_READ),)

    def groups(self, guards: Sequence[ViolatedGuard]) -> list[list[ViolatedGuard]]:
        # Of model.train() the shortest path says most: self.training.
        return [sorted(g, key=_depth) if _is_mode(g[0]) else g for g in super().groups(guards)]

    def defect(self, guard: ViolatedGuard) -> object:
        return "training" if _is_mode(guard) else super().defect(guard)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        return change(guard)

    def fix(self, guard: ViolatedGuard) -> str:
        if _is_mode(guard):
            return "Call model.eval() or model.train() before the profile call and leave the mode alone afterwards."
        if guard.aspect is Aspect.NONE:
            return (
                f"Make `{guard.path}` in __init__ with what the first call needs in it (a registered buffer for "
                "tensors and numbers), and change it in place (copy_) where it changes at all."
            )
        if guard.aspect in (Aspect.LENGTH, Aspect.KEYS):
            return (
                f"Give `{guard.path}` all its entries before the profile call, with entries that have no effect yet, "
                "and change those in place (copy_)."
            )
        if guard.aspect is Aspect.VALUE and guard.expected_type in _NUMBERS:
            return (
                f"Keep `{guard.path}` in a buffer (register_buffer) and change it in place; where it decides, select "
                "with torch.where."
            )
        return (
            f"Set `{guard.path}` before the profile call and leave it so, or compile one "
            "module for each value and choose between them outside of the region."
        )


def _is_mode(guard: ViolatedGuard) -> bool:
    return guard.path.endswith(".training")


def _depth(guard: ViolatedGuard) -> tuple[str, int]:
    return guard.region, len(guard.path)
