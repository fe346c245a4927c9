"""The names that a case file may define."""

from __future__ import annotations

from collections.abc import Mapping

#: The required functions; without a class on the command line, ``build`` is one of them.
REQUIRED = {
    "build": "returns the model",
    "profile": "returns (args, kwargs) of the warm-up call",
    "serving": "returns {name: (args, kwargs)} of the serving calls",
}
#: The optional functions, and what they are called with.
OPTIONAL = {
    "before": ("model", "name"),
    "context": ("name",),
    "mark": ("args", "kwargs"),
    "regions": ("model",),
    "observe": ("model", "out"),
    "reference": ("model", "args", "kwargs"),
}
#: The constants; in lower case they are fields of a Case.
CONSTANTS: dict[str, type] = {
    "COMPILE": Mapping,
    "DEVICE": str,
    "GPU": str,
    "CUDA_GRAPH": bool,
    "INDEPENDENT": bool,
    "BACKWARD": bool,
    "PROBES": Mapping,
    "ALLOW": Mapping,
}


def advice(name: str) -> str:
    """What to do about a required function that is missing."""
    return f"add a function {name}() that {REQUIRED[name]}"
