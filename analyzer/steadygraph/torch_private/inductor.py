"""The back end that compiles kernels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch

from steadygraph.torch_private.required import require


def inductor(
    *, mode: str | None = None, options: Mapping[str, Any] | None = None, dynamic: bool | None = None
) -> Callable[..., Any]:
    """The back end of ``torch.compile(mode=..., options=...)``; random numbers are drawn as eager mode draws them.

    Raises:
        RuntimeError: inductor does not know the mode or an option.
        TorchSupportError: The installed torch lacks what is needed.
    """
    require("inductor")
    from torch._inductor import config

    settings = {key: value for key, value in (options or {}).items() if key != "guard_filter_fn"}
    wrapper: Any = torch._TorchCompileInductorWrapper
    backend: Callable[..., Any] = wrapper(mode, settings or None, dynamic)

    def compile_graph(module: torch.fx.GraphModule, example_inputs: Any) -> Callable[..., Any]:
        # A pool of compile workers outlives the call, and a process that ends at once leaves its semaphores behind.
        with config.patch(fallback_random=True, compile_threads=1):
            compiled: Callable[..., Any] = backend(module, example_inputs)
        return compiled

    return compile_graph
