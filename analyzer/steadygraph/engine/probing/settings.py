"""State of the process, and modes of the model, other than in the profile call."""

from __future__ import annotations

from collections.abc import Iterator

from steadygraph.engine.probing.places import Derived, Step
from steadygraph.model import Ambient, Change, Probe

_AUTOCAST_DTYPE = "bfloat16"


def settings(ambient: Ambient, *, device: str, modules: int) -> Iterator[Derived]:
    """The settings that every graph is guarded by, each in another state.

    Args:
        ambient: That of the profile call.
        device: The type of the device that the model runs on.
        modules: How many modules there are.
    """
    values = dict(ambient.values)

    def derived(name: str, before: str, now: str, edit: str, *arguments: object) -> Derived:
        return Derived(Probe(name, Change.SETTING, before, now), (Step("setting", (), edit, arguments),))

    grad, inference = values.get("grad_mode") == "True", values.get("inference_mode") == "True"
    if inference:
        yield derived("inference_mode", "on", "off", "inference_mode", False)
    else:
        yield derived("grad_mode", _on(grad), _on(not grad), "grad_mode", not grad)
        yield derived("inference_mode", "off", "on", "inference_mode", True)
    cast = values.get(f"autocast_{device}") == "True"
    now = "off" if cast else f"on, {_AUTOCAST_DTYPE}"
    yield derived("autocast", _on(cast), now, "autocast", device, _AUTOCAST_DTYPE, not cast)
    training = len(ambient.training) * 2 > modules
    yield derived("train mode", _on(training), _on(not training), "training", not training)
    yield derived("parameters", "requires_grad", "frozen", "parameters_grad", False)
    dtype = values.get("default_dtype", "torch.float32").removeprefix("torch.")
    other = "float64" if dtype == "float32" else "float32"
    yield derived("default_dtype", dtype, other, "default_dtype", other)
    threads = int(values.get("num_threads", "1"))
    fewer = 1 if threads > 1 else 2
    yield derived("num_threads", str(threads), str(fewer), "num_threads", fewer)


def _on(value: bool) -> str:
    return "on" if value else "off"
