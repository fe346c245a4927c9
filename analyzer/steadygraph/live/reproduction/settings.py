"""The process-wide state of a call, as a block that sets it again."""

from __future__ import annotations

from collections.abc import Iterator

from steadygraph.model import Ambient

#: What a new process has; a call under other settings gets a block.
_USUAL = {
    "grad_mode": "True",
    "inference_mode": "False",
    "default_dtype": "torch.float32",
    "default_device": "unset",
    "deterministic_algorithms": "False",
    "float32_matmul_precision": "highest",
    "cuda_matmul_allow_tf32": "False",
    "cudnn_allow_tf32": "True",
}
#: Blocks of torch, and functions that are called with a value and called again with the usual one afterwards.
_BLOCKS = {"grad_mode": "torch.no_grad()", "inference_mode": "torch.inference_mode()"}
_SETTERS = {
    "default_dtype": "torch.set_default_dtype",
    "default_device": "torch.set_default_device",
    "deterministic_algorithms": "torch.use_deterministic_algorithms",
    "float32_matmul_precision": "torch.set_float32_matmul_precision",
    "num_threads": "torch.set_num_threads",
}
_QUOTED = {"default_device", "float32_matmul_precision"}


def blocks(ambient: Ambient) -> Iterator[str]:
    """``with`` items for what is not as in a new process."""
    values = dict(ambient.values)
    inference = values.get("inference_mode") == "True"
    for name, block in _BLOCKS.items():
        # Inference mode switches gradients off by itself.
        if name in values and values[name] != _USUAL[name] and not (name == "grad_mode" and inference):
            yield block
    for name in values:
        device = name.removeprefix("autocast_")
        if f"autocast_{device}_dtype" in values and values[name] == "True":
            cache = values.get("autocast_cache", "True")
            yield f"torch.autocast({device!r}, {values[f'autocast_{device}_dtype']}, cache_enabled={cache})"


def setters(ambient: Ambient, others: Ambient) -> Iterator[tuple[str, str]]:
    """(function, value) of settings that have no block, where a call has another than a new process or other calls."""
    values, before = dict(ambient.values), dict(others.values)
    for name, function in _SETTERS.items():
        value = values.get(name)
        if value is None or value == "unknown":
            continue
        if value != _USUAL.get(name, before.get(name)) or value != before.get(name):
            given = "None" if value == "unset" else repr(value) if name in _QUOTED else value
            yield function, given
