from __future__ import annotations

import re
from collections.abc import Sequence

from steadygraph.model import Aspect, Evidence, Kind, Owner, ViolatedGuard
from steadygraph.rule import Example
from steadygraph_rules.causes import Cause
from steadygraph_rules.guard_rule import GuardRule, change, shortened

_PREFIX = "ambient."
_MADE_UNDER = ".is_inference()"
#: Settings that change together, the one that says most first.
_FAMILIES = (
    ("inference_mode", "grad_mode"),
    ("autocast_cpu", "autocast_cuda", "autocast_cpu_dtype", "autocast_cuda_dtype", "autocast_cache"),
    ("default_device", "function_modes"),
    ("deterministic_algorithms", "deterministic_warn_only"),
    ("float32_matmul_precision", "cuda_matmul_allow_tf32", "cudnn_allow_tf32"),
)

_MODEL = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x).relu()

def build():
    return Net().eval()

def profile():
    return (torch.ones(2, 4),), {}

def serving():
    return {"step": ((torch.zeros(2, 4),), {})}
"""

_GRAD_MODE = f"""{_MODEL}
def context(name):
    return torch.set_grad_enabled(name == "profile")
"""

_AUTOCAST = f"""{_MODEL}
def context(name):
    return torch.autocast("cpu", torch.bfloat16, enabled=name != "profile")
"""

_NO_GRAD = _GRAD_MODE.replace('name == "profile"', "False")

_ALWAYS_AUTOCAST = _AUTOCAST.replace(', enabled=name != "profile"', "")

_SAME = f"""{_MODEL}
def context(name):
    return torch.no_grad()
"""


class GlobalState(GuardRule):
    """Process-wide state that is not what it was at profile.

    What it finds:
        Grad and inference mode, autocast, the number of threads, default device and dtype, deterministic algorithms,
        torch function modes, and names of Python files (globals) whose value changed.

    Why it matters:
        They are burned into the graph: under ``no_grad`` no gradients are tracked, under autocast kernels have
        another dtype. With guards dropped, the graph does what the profile run's state said, silently; with guards
        kept, it is a compilation.

    How to fix it:
        Enter the same contexts around the profile call as in serving, and set process-wide options before it.

    Known limits:
        What follows from such a change, the ``requires_grad`` and dispatch keys of every tensor, is not reported
        apart.
    """

    code = "SG303"
    name = "global-state"
    kind = Kind.GLOBAL_STATE
    cause = Cause.GLOBAL
    flagged = (
        Example(
            "gradients at profile only",
            _GRAD_MODE,
            ("step",),
            fix="Enter torch.no_grad() around the profile call, as serving does.",
            fixed=(_NO_GRAD,),
        ),
        Example(
            "autocast at serving only",
            _AUTOCAST,
            ("step",),
            fix='Enter torch.autocast("cpu") around the profile call, as serving does.',
            fixed=(_ALWAYS_AUTOCAST,),
        ),
    )
    passed = (Example("no_grad around every call", _SAME),)

    def groups(self, guards: Sequence[ViolatedGuard]) -> list[list[ViolatedGuard]]:
        return [sorted(group, key=_rank) for group in super().groups(guards)]

    def defect(self, guard: ViolatedGuard) -> object:
        return _family(guard) if _is_setting(guard) else super().defect(guard)

    def message(self, guard: ViolatedGuard, evidence: Evidence) -> str:
        if guard.path.endswith(_MADE_UNDER):
            runs = ("profile", "serving") if guard.expected == "True" else ("serving", "profile")
            tensor = guard.path.removesuffix(_MADE_UNDER)
            return f"tensor `{tensor}` was made under inference mode at {runs[0]} and not at {runs[1]}"
        if not guard.path.startswith(_PREFIX):
            return change(guard)
        setting = guard.path.removeprefix(_PREFIX).replace("_", " ")
        return f"{setting} is {shortened(guard.expected)} at profile, {shortened(guard.actual)} at serving"

    def fix(self, guard: ViolatedGuard) -> str:
        if not _is_setting(guard):
            return f"Set `{guard.path}` before the profile call and not after it, or pass what changes as a tensor."
        if guard.path.endswith(_MADE_UNDER):
            tensor = guard.path.removesuffix(_MADE_UNDER)
            return f"Pass {tensor}.clone(), made outside of inference mode."
        context = _context(guard)
        if context is not None:
            name, on = context
            return f"{'Enter' if on else 'Leave out'} {name} around the profile call, as serving does."
        setting = guard.path.removeprefix(_PREFIX).replace("_", " ")
        return f"Set {setting} to {shortened(guard.actual)} before the profile call, and leave it so."


def _context(guard: ViolatedGuard) -> tuple[str, bool] | None:
    """The context that serving runs under and the profile call does not (True), or the reverse; None: it is none."""
    setting, now = guard.path.removeprefix(_PREFIX), guard.actual
    if setting == "grad_mode":
        return "torch.no_grad()", now == "False"
    if setting == "inference_mode":
        return "torch.inference_mode()", now == "True"
    if _family(guard) == "autocast_cpu":
        return _autocast(setting, now)
    return None


def _autocast(setting: str, now: str) -> tuple[str, bool] | None:
    device = re.fullmatch(r"autocast_(cpu|cuda)(_dtype)?", setting)
    if device is None:
        return None
    dtype = f", {now}" if device[2] else ""
    return f'torch.autocast("{device[1]}"{dtype})', now != "False"


def _is_setting(guard: ViolatedGuard) -> bool:
    return guard.owner is Owner.AMBIENT or guard.aspect is Aspect.AMBIENT


def _setting(guard: ViolatedGuard) -> str:
    # A tensor made under inference mode tells that the mode was on, wherever it was made.
    return "inference_mode" if guard.path.endswith(_MADE_UNDER) else guard.path.removeprefix(_PREFIX)


def _family(guard: ViolatedGuard) -> str:
    setting = _setting(guard)
    return next((family[0] for family in _FAMILIES if setting in family), setting)


def _rank(guard: ViolatedGuard) -> tuple[bool, int]:
    """Settings before what follows from them; otherwise the order of the evidence."""
    setting = _setting(guard)
    family = next((family for family in _FAMILIES if setting in family), (setting,))
    return not guard.path.startswith(_PREFIX), family.index(setting)
