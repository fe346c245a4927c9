"""Policy ``cuda-graph``: the profile call is captured and replayed; addresses, Python values, control flow are frozen.

On a CUDA device the regions are captured as CUDA graphs; elsewhere a tape of operators does the same.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from steadygraph import torch_private
from steadygraph.model import PROFILE, Outcome, Policy
from steadygraph.observe.replay.cuda_capture import CudaCapture
from steadygraph.observe.replay.tape import NotReplayableError, Tape, copies
from steadygraph.observe.run.forwards import swapped
from steadygraph.policies.bench import Bench
from steadygraph.policies.runs import CallResult, outcome


class CudaGraph:
    """Every region is captured in the profile call and replayed in the serving calls."""

    policy = Policy.CUDA_GRAPH

    def backends(self, asked: Sequence[str]) -> Sequence[str]:
        return ("replay",)

    def outcomes(self, bench: Bench, backend: str) -> Mapping[str, Outcome]:
        replayer = _Replayer(module for _, module in bench.regions)
        results = bench.run(replayer.installed(), on_start=replayer.start, tensors_only=True)
        return {
            name: outcome(self.policy, backend, bench.eager[name], replayer.refused.get(name, result))
            for name, result in results.items()
        }


class _Replayer:
    def __init__(self, modules: Iterator[nn.Module]) -> None:
        #: Calls for which no graph had been captured.  A deployment runs them without one, and so does this: what
        #: they do to the model's state happens to the calls after them.
        self.refused: dict[str, CallResult] = {}
        self._modules = list(modules)
        self._captures: dict[nn.Module, list[Tape | CudaCapture]] = {m: [] for m in self._modules}
        self._call = PROFILE
        self._replays = dict.fromkeys(self._modules, 0)
        # The static inputs and the turns are of all threads, as the stream of a device is.
        self._replaying = threading.Lock()

    def start(self, call: str) -> None:
        self._call = call
        self._replays = dict.fromkeys(self._modules, 0)

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        forwards = {module: self._forward(module, module.forward) for module in self._modules}
        with torch_private.compiles_forced_eager(), swapped(forwards):
            yield

    def _in_turn(self, module: nn.Module, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Tape | CudaCapture]:
        """The graphs of a region: first those captured on the memory that the inputs lie in, as for a micro-batch.

        Of equals, first the one captured in its k-th call if this is the k-th in this scenario.
        """
        captures = self._captures[module]
        turn = self._replays[module] % len(captures)
        self._replays[module] += 1
        return sorted(captures[turn:] + captures[:turn], key=lambda capture: copies(capture.inputs, args, kwargs))

    def _forward(self, module: nn.Module, original: Callable[..., Any]) -> Callable[..., Any]:
        def forward(*args: Any, **kwargs: Any) -> Any:
            captures = self._captures[module]
            if self._call == PROFILE:
                capture = (CudaCapture if _on_cuda(module) else Tape).of(original, args, kwargs)
                captures.append(capture)
                return capture.output
            if not captures:  # a region that the profile call did not reach has no graph
                return original(*args, **kwargs)
            refusals = []
            with self._replaying:
                # A region that was captured at several sizes has a graph for each.
                for capture in self._in_turn(module, args, kwargs):
                    try:
                        return capture.replay(args, kwargs)
                    except NotReplayableError as refusal:
                        refusals.append(str(refusal))
            self.refused[self._call] = CallResult(refused=f"no captured graph fits: {refusals[0]}")
            return original(*args, **kwargs)

        return forward


def _on_cuda(module: nn.Module) -> bool:
    parameters = [tensor for tensor in module.parameters() if tensor.device.type == "cuda"]
    # On a simulated device nothing can be captured.
    return any(not torch_private.is_fake(tensor) for tensor in parameters) and torch.cuda.is_available()
