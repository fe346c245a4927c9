"""A call captured as a CUDA graph: the real thing, where there is a device."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from steadygraph.observe.inputs.storage import tensor_arguments
from steadygraph.observe.replay.tape import require_fit, static_inputs

#: Calls before the capture, on a side stream: lazy initialisation must not be captured.
_WARM_UPS = 2


class CudaCapture:
    """One captured call: the inputs are the static ones, the output is overwritten by each replay."""

    def __init__(self, inputs: dict[str, torch.Tensor], graph: torch.cuda.CUDAGraph, output: Any) -> None:
        self.inputs = inputs
        self.output = output
        self._graph = graph

    @classmethod
    def of(cls, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> CudaCapture:
        """Warm up, capture, and run once, so that ``output`` holds the result of the captured call."""
        stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                function(*args, **kwargs)
        torch.cuda.current_stream().wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = function(*args, **kwargs)
        graph.replay()
        return cls(static_inputs(args, kwargs), graph, output)

    def replay(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        """Copy the inputs over and replay; raises NotReplayableError as a tape does."""
        fresh = tensor_arguments(args, kwargs)
        for path, static in self.inputs.items():
            require_fit(path, static, fresh.get(path))
        with torch.no_grad():
            for path, static in self.inputs.items():
                if static.data_ptr() != fresh[path].data_ptr():
                    static.copy_(fresh[path])
        self._graph.replay()
        return self.output
